"""The project's settings over a throwaway data folder, one a test process.

The environment is changed before `assistant.settings` reads it, so that every path that it derives
(test database, broker, mail, checkpoints) lies in that folder, also in processes that a test starts.
"""

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="countersign-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["COUNTERSIGN_DATA_DIR"] = _folder

from assistant.settings import *  # noqa: E402, F403

# A process that a test starts runs with the real settings over the same folder.
os.environ["DJANGO_SETTINGS_MODULE"] = "assistant.settings"

RERANKER = "none"  # it reads for a second at every search; tests that need it name one
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher"
]  # the real one is slow by design
