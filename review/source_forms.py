"""The forms that describe a source: one a kind."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.conf import settings

from retrieval.source_models import Source
from retrieval.trust import Trust

Kind = Source.Kind


class SourceForm(forms.Form):
    """What every source has; `options` names the fields that go into `Source.options`."""

    intro: ClassVar[str] = ""
    option_fields: ClassVar[tuple[str, ...]] = ()
    scheduled: ClassVar[bool] = True

    name = forms.CharField(max_length=100, help_text="How the console calls it.")
    collection = forms.CharField(
        max_length=50,
        help_text="Where its articles go. A new name makes a new collection: lower-case letters, "
        "digits and hyphens.",
    )
    location = forms.CharField(max_length=1000)
    trust = forms.TypedChoiceField(
        choices=Trust.choices, coerce=int, initial=Trust.NORMAL, label="How far it is trusted"
    )
    schedule = forms.ChoiceField(
        choices=Source.Schedule.choices, initial=Source.Schedule.NEVER, label="Read it again"
    )
    prune = forms.BooleanField(
        required=False, label="Retire articles that are gone there", initial=False
    )

    def __init__(self, *args: Any, source: Source | None = None, **kwargs: Any) -> None:
        if source is not None:
            kwargs["initial"] = {
                "name": source.name,
                "location": source.location,
                "trust": source.trust,
                "schedule": source.schedule,
                "prune": source.prune,
                **source.options,
            }
        super().__init__(*args, **kwargs)
        self.order_fields(["name", "collection", "location", *self.option_fields])
        if source is not None:
            del self.fields["collection"]  # its articles are named by it
        if not self.scheduled:
            del self.fields["schedule"]
        self.hints()
        for name, field in self.fields.items():
            hint = f"hint-{name}" if field.help_text else ""
            error = f"error-{name}" if self.is_bound and name in self.errors else ""
            if hint or error:
                field.widget.attrs["aria-describedby"] = f"{hint} {error}".strip()
            if error:
                field.widget.attrs["aria-invalid"] = "true"

    def hints(self) -> None:
        """Set the help texts that depend on the installation."""

    def settings(self) -> dict[str, Any]:
        """What `retrieval.sources.keeping.save` takes of it."""
        cleaned = dict(self.cleaned_data)
        options = {name: cleaned.pop(name) for name in self.option_fields}
        return {"collection": "", **cleaned, "options": {k: v for k, v in options.items() if v}}


class UploadForm(SourceForm):
    intro = (
        "Files and ZIPs that you bring in by hand: Markdown, MDX, HTML, reStructuredText, "
        "AsciiDoc, text, PDF, DOCX. Drafts and hidden pages are left out."
    )
    scheduled = False
    location = None  # type: ignore[assignment]
    prune = forms.BooleanField(
        required=False,
        label="Each upload is the whole of it: retire articles that it leaves out",
    )


class FolderForm(SourceForm):
    intro = "A folder that this server can read, below one that the operator allowed."
    location = forms.CharField(max_length=1000, label="Folder")

    def hints(self) -> None:
        allowed = ", ".join(settings.SOURCE_FOLDERS)
        self.fields["location"].help_text = (
            f"Allowed: {allowed} and what is below."
            if allowed
            else "None is allowed yet: an operator names folders in COUNTERSIGN_SOURCE_FOLDERS."
        )


class GitForm(SourceForm):
    intro = "The newest commit of a branch; nothing in it is run, links in it are not followed."
    option_fields = ("branch", "folder")
    location = forms.CharField(max_length=1000, label="Address of the repository")
    branch = forms.CharField(
        max_length=200, required=False, help_text="The repository's own default when empty."
    )
    folder = forms.CharField(
        max_length=500, required=False, help_text="Only what is below it; everything when empty."
    )

    def hints(self) -> None:
        protocols = settings.SOURCE_GIT_PROTOCOLS
        words = f"Begins with {' or '.join(f'{one}://' for one in protocols)}, without a password."
        if "file" in protocols:
            allowed = ", ".join(settings.SOURCE_FOLDERS)
            words += (
                f" After file:// only what lies below {allowed}."
                if allowed
                else " No file:// address is allowed yet: an operator names folders in "
                "COUNTERSIGN_SOURCE_FOLDERS."
            )
        else:
            words += " An operator allows others in COUNTERSIGN_SOURCE_GIT_PROTOCOLS."
        self.fields["location"].help_text = words


class WebsiteForm(SourceForm):
    intro = (
        "The pages that a site's map lists. Only pages of the same host, as its robots.txt allows."
    )
    option_fields = ("path_prefix", "max_pages")
    location = forms.CharField(
        max_length=1000,
        label="Address of the site or of its sitemap",
        help_text="https://help.example.com or https://help.example.com/sitemap.xml",
    )
    path_prefix = forms.CharField(
        max_length=500,
        required=False,
        label="Only paths that begin with",
        help_text="For instance /articles/; every page of the map when empty.",
    )
    max_pages = forms.IntegerField(
        min_value=1, max_value=50_000, initial=2_000, label="At most this many pages"
    )


class HelpCentreForm(SourceForm):
    intro = "Articles as a help centre exports them (Zendesk's JSON of articles and sections)."
    option_fields = ("locale",)
    location = forms.CharField(
        max_length=1000,
        required=False,
        label="Address of the export",
        help_text="For instance https://example.com/api/v2/help_center/articles.json. Empty: you "
        "upload the JSON file.",
    )
    locale = forms.CharField(
        max_length=10, required=False, help_text="Only articles of this one, for instance en-us."
    )


FORMS: dict[str, type[SourceForm]] = {
    Kind.UPLOAD: UploadForm,
    Kind.FOLDER: FolderForm,
    Kind.GIT: GitForm,
    Kind.WEBSITE: WebsiteForm,
    Kind.HELP_CENTRE: HelpCentreForm,
}
