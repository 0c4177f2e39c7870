"""Countersign's one settings file. Every choice is an environment variable with a typed helper.

The embedded defaults need no server and no download; see the README for each setting.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from assistant.env import (
    env_bool,
    env_choice,
    env_float,
    env_int,
    env_list,
    env_networks,
    env_path,
    env_str,
    env_time_zone,
    env_url,
    load_file,
)
from assistant.file_modes import private_from_now_on
from assistant.whole_files import write_whole

BASE_DIR = Path(__file__).resolve().parent.parent

# --- the installation -----------------------------------------------------------------------
DATA_DIR = env_path("DATA_DIR", "var", "the one folder that holds all state", base=BASE_DIR)
DATA_DIR.mkdir(parents=True, exist_ok=True)
private_from_now_on(DATA_DIR)
load_file(DATA_DIR / "countersign.env")

# Nothing here may reach the network behind the operator's back (hub look-ups, telemetry).
HUB_ALLOWED = env_bool("ALLOW_HUB", False, "let models be downloaded from a hub by name")
if not HUB_ALLOWED:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("LANGSMITH_TRACING", "false")

PRODUCTION = env_bool("PRODUCTION", False, "HTTPS-only cookies, HSTS, no insecure defaults")
DEBUG = env_bool("DEBUG", False, "Django's debug pages; never with customers' mail")
COMPANY_NAME = env_str("COMPANY_NAME", "our company", "the name on the sign-in page")
SIGNATURE = env_str("SIGNATURE", "The support team", "the line under every drafted reply")
PORT = env_int("PORT", 8000, "the web process's port", minimum=1, maximum=65535)
BIND = env_str("BIND", "127.0.0.1", "the web process's address")


def _secret_file(name: str) -> str:
    """A random secret kept under the data folder, made on first use, readable by its owner only."""
    path = DATA_DIR / "keys" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # of two processes that start at once, one wins and both read it
        write_whole(path, secrets.token_urlsafe(50), replace=False)
    secret = path.read_text().strip()
    if not secret:
        raise ImproperlyConfigured(
            f"{path} is empty. Put it back from your backup; without data yet, delete it and a new one "
            "is made."
        )
    return secret


SECRET_KEY = env_str(
    "SECRET_KEY", "", "signs sessions; made under the data folder when empty"
) or _secret_file("secret_key")
INSTALLATION_KEY = env_str(
    "INSTALLATION_KEY", "", "wraps every ticket's key; made under the data folder when empty"
) or _secret_file("installation_key")

ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]", "host names served")
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("COUNTERSIGN_DEBUG and COUNTERSIGN_PRODUCTION exclude each other.")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "assistant.apps.AssistantConfig",  # before Django's own, whose commands about people it replaces
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "ninja",
    "axes",
    "csp",
    "retrieval.apps.RetrievalConfig",
    "generation.apps.GenerationConfig",
    "review.apps.ReviewConfig",
]

MIDDLEWARE = [
    "assistant.probes.answer_probes",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "assistant.api_errors.json_errors",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "assistant.urls"
WSGI_APPLICATION = "assistant.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "assistant.context.console",
            ]
        },
    }
]

# --- database -------------------------------------------------------------------------------
DATABASE_URL = env_url(
    "DATABASE_URL",
    "",
    "postgres://…; SQLite under the data folder when empty",
    schemes=["postgres", "postgresql", "pgsql", "sqlite"],
    example="postgres://user:password@host:5432/countersign",
)
if DATABASE_URL:
    DATABASES: dict[str, Any] = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=60)}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "countersign.sqlite3",
            "OPTIONS": {
                # Writers queue up at BEGIN instead of failing half-way.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=30000;"
                    "PRAGMA secure_delete=ON;"  # what is forgotten is overwritten
                ),
            },
            # In memory the test database would have no WAL and be useless across processes.
            "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
        }
    }
WEB_LOCK_SECONDS = env_int(
    "WEB_LOCK_SECONDS",
    5,
    "how long a page waits for a locked database before it says 503",
    minimum=1,
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people ---------------------------------------------------------------------------------
AUTH_USER_MODEL = "assistant.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "assistant.access.RoleBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "assistant.passwords.Unguessable"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = env_int(
    "LOGIN_ATTEMPTS", 8, "failed sign-ins before a name is locked for that client", minimum=1
)
LOGIN_ATTEMPTS_PER_CLIENT = env_int(
    "LOGIN_ATTEMPTS_PER_CLIENT", 40, "failed sign-ins of a client, whatever the names", minimum=1
)
TRUSTED_PROXIES = env_networks(
    "TRUSTED_PROXIES",
    "",
    "addresses or networks of your proxies, whose X-Forwarded-For is believed",
)
AXES_COOLOFF_TIME = 0.25  # hours
AXES_HANDLER = "assistant.sign_in.SignInLimits"
AXES_CLIENT_IP_CALLABLE = "assistant.sign_in.client_of"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # who goes on guessing prolongs nothing
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False  # its pages can delete what was counted; ours record an unlocking
SESSION_COOKIE_AGE = 60 * 60 * 12
SESSION_COOKIE_SAMESITE = "Lax"

# --- transport and page security ------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = env_list("TRUSTED_ORIGINS", "", "origins behind a proxy, https://…")
CSRF_COOKIE_HTTPONLY = True
if PRODUCTION:
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = env_bool("SSL_REDIRECT", True, "send http to https (production)")
    SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# A ticket may hold 100,000 characters (400 kB of UTF-8); a larger body is refused with 413.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
MESSAGE_MAX_CHARACTERS = 100_000

MASKED_DAYS = env_int(
    "MASKED_DAYS", 30, "days in which a masked number that may be no card can be seen again"
)

# --- pages ----------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = env_time_zone("TIME_ZONE", "UTC", "the console's time zone")
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns of a folder that is missing
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# --- processes ------------------------------------------------------------------------------
BROKER_URL = (
    env_url(
        "BROKER_URL",
        "filesystem://",
        "filesystem://, redis://… or amqp://…",
        schemes=["filesystem", "redis", "rediss", "amqp", "amqps"],
        example="filesystem://, redis://host:6379/0 or amqp://user:password@host:5672//",
    )
    or "filesystem://"
)
BROKER_DIR = DATA_DIR / "broker"
WEB_WORKERS = env_int("WEB_WORKERS", 2, "processes that answer pages and REST", minimum=1)
GPU_WORKERS = env_int("GPU_WORKERS", 1, "drafting workers to start, one a GPU", minimum=0)
BATCH_SIZE = env_int("BATCH_SIZE", 4, "drafts that a worker leases at once", minimum=1)
LEASE_SECONDS = env_int(
    "LEASE_SECONDS", 120, "how long a worker may be silent about a draft", minimum=5
)
MAX_ATTEMPTS = env_int("MAX_ATTEMPTS", 5, "tries before a draft fails visibly", minimum=1)
SWEEP_SECONDS = env_int("SWEEP_SECONDS", 15, "how often lost work is looked for", minimum=1)
SEARCH_TIMEOUT_SECONDS = env_float("SEARCH_TIMEOUT", 6.0, "seconds a page waits for worker-search")
TORCH_THREADS = env_int("TORCH_THREADS", 0, "CPU threads of a model worker; 0 = torch's own choice")

# --- models ---------------------------------------------------------------------------------
DEVICE = env_str("DEVICE", "auto", "auto, cpu, cuda or cuda:N")
EMBEDDER = env_str(
    "EMBEDDER", "bundled", "bundled, a sentence-transformers name@revision or a folder"
)
INDEX_STORE = env_str(
    "INDEX_STORE", "", "where machines share the index: file:///folder or s3://bucket/path"
)
RERANKER = env_str(
    "RERANKER", "bundled", "bundled, none, a folder, or a cross-encoder owner/name@revision"
)
RERANKER_PROVIDER = "generation.registry.reranker"  # a promoted version, or the one named above
GENERATOR = env_str(
    "GENERATOR", "bundled", "bundled, a hub name@revision, a folder, or langchain:provider:model"
)
TOXICITY = env_str("TOXICITY", "bundled", "bundled, or Detoxify's original, unbiased, multilingual")
SAMPLES = env_int("SAMPLES", 0, "free texts that the generator writes for each draft")
TEMPERATURE = env_float("TEMPERATURE", 0.3, "sampling temperature; 0 = greedy")
TOP_P = env_float("TOP_P", 0.9, "nucleus sampling")
TOP_K = env_int("TOP_K", 40, "top-k sampling; 0 = off")
MAX_NEW_TOKENS = env_int("MAX_NEW_TOKENS", 200, "longest completion in tokens", minimum=1)
PASSAGES = env_int("PASSAGES", 5, "passages retrieved for a draft", minimum=1)
COVERED_LANGUAGES = env_list(
    "LANGUAGES", "en", "languages that the models cover; others go to a person"
)

# --- where knowledge comes from -------------------------------------------------------------
SOURCE_FOLDERS = env_list("SOURCE_FOLDERS", "", "folders on the server that sources may read")
SOURCE_GIT_PROTOCOLS = env_list("SOURCE_GIT_PROTOCOLS", "https", "of https, ssh and file")
SOURCE_PRIVATE_HOSTS = env_list(
    "SOURCE_PRIVATE_HOSTS", "", "host names that sources may reach at private addresses"
)
SOURCE_MAX_MB = env_int(
    "SOURCE_MAX_MB", 512, "megabytes that one run or upload may bring in", minimum=1
)
SOURCE_MAX_ARTICLES = env_int(
    "SOURCE_MAX_ARTICLES", 20000, "articles that one run may bring in", minimum=1
)
UPLOAD_DIR = DATA_DIR / "uploads"
FILE_UPLOAD_HANDLERS = ["assistant.uploads.BoundedUpload"]

# --- replies --------------------------------------------------------------------------------
UNDO_SECONDS = env_int("UNDO_SECONDS", 10, "how long an approved reply is held for undo")
CLAIM_SECONDS = env_int(
    "CLAIM_SECONDS", 90, "how long a claim outlives its last heartbeat", minimum=10
)
MAIL_FROM = env_str("MAIL_FROM", "support@localhost", "the sender of replies")
MAIL_DIR = DATA_DIR / "mail"
EMAIL_URL_HOST = env_str("SMTP_HOST", "", "SMTP server; mail goes to files when empty")
EMAIL_HOST = EMAIL_URL_HOST or "localhost"
EMAIL_PORT = env_int("SMTP_PORT", 587, "SMTP port", minimum=1)
EMAIL_HOST_USER = env_str("SMTP_USER", "", "SMTP user")
EMAIL_HOST_PASSWORD = env_str("SMTP_PASSWORD", "", "SMTP password")
EMAIL_USE_TLS = env_bool("SMTP_TLS", True, "STARTTLS")

# --- audit and logs -------------------------------------------------------------------------
CHECKPOINT_FILE = env_path(
    "CHECKPOINT_FILE",
    "audit/checkpoints.jsonl",
    "where tree heads are appended; put it on another disk or host",
    base=DATA_DIR,
)
LOG_LEVEL = env_choice(
    "LOG_LEVEL",
    "INFO",
    "DEBUG, INFO, WARNING or ERROR",
    choices=["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
)
_STDERR: dict[str, Any] = {"handlers": ["stderr"], "propagate": False}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "assistant.logs.WithoutWords",
            "format": "%(asctime)s %(levelname)-7s %(name)s %(message)s",
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    # What libraries say at INFO and DEBUG may hold the texts that they are given.
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        **{
            floor: {"level": LOG_LEVEL}
            for floor in ("assistant", "retrieval", "generation", "review")
        },
        # Django's own handlers would also mail the administrators what a request held
        "django": {"handlers": [], "level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "axes": {"level": "ERROR"},  # its warnings name what was typed; the audit log counts them
        "celery": {"level": "WARNING"},
        "kombu": {"level": "ERROR"},
        # the web server tells of an error in a page that is already on its way
        "_granian": {"level": "WARNING", **_STDERR},
        "granian.access": {"level": "CRITICAL", **_STDERR},
    },
}

UNFOLD = {"SITE_TITLE": "Countersign", "SITE_HEADER": "Countersign", "SITE_URL": "/"}
