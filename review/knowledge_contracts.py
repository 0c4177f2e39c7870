"""What the API's knowledge base takes and answers."""

from datetime import UTC, date, datetime
from typing import Annotated

from ninja import Schema
from pydantic import AfterValidator, Field, StrictBool, StrictInt, StrictStr

from assistant.api import Errors, Strict


class CollectionIn(Strict):
    title: StrictStr
    name: StrictStr = ""
    visibility: StrictStr = "public"
    channels: list[StrictStr] = Field([], description="names; none means every channel")
    public_address: StrictStr = Field(
        "", description="where customers read its articles, with `{path}` or `{slug}` in it"
    )


class CollectionChange(Strict):
    title: StrictStr | None = None
    visibility: StrictStr | None = None
    channels: list[StrictStr] | None = None
    public_address: StrictStr | None = None


class CollectionOut(Schema):
    name: str
    title: str
    visibility: str
    channels: list[str]
    public_address: str


class CollectionsOut(Schema):
    collections: list[CollectionOut]


class ArticleIn(Strict):
    collection: StrictStr
    title: StrictStr
    text: StrictStr = Field(description="Markdown")
    source: StrictStr = Field("", description="its name for ever; made from the title when empty")
    category: StrictStr = ""
    language: StrictStr = "en"
    review_by: date | None = None
    reason: StrictStr = Field("", description="why a suspicious text may be published all the same")


class ArticleChange(Strict):
    title: StrictStr
    text: StrictStr
    category: StrictStr = ""
    language: StrictStr = "en"
    review_by: date | None = None
    base_revision: StrictInt | None = Field(
        None, description="the revision that you read; or send its ETag as If-Match"
    )
    reason: StrictStr = ""
    merge: StrictBool = Field(
        False,
        description="where somebody published meanwhile and the changes don't touch the same lines, "
        "publish both together",
    )


class RollBack(Strict):
    base_revision: StrictInt | None = None


class ArticleOut(Schema):
    id: int
    collection: str
    visibility: str
    source: str
    title: str
    category: str
    language: str
    state: str
    trust: int
    review_by: date | None
    revision: int | None = Field(description="what stands now, as base_revision takes it")
    number: int | None = Field(description="1-based among the article's revisions")
    changed_at: datetime
    url: str = Field(description="where customers read it; empty where nobody says so")


class WholeArticleOut(ArticleOut):
    text: str | None


class PublishedArticleOut(WholeArticleOut):
    merged_with: int | None = Field(
        description="the revision whose changes were put together with yours"
    )


class ArticlesOut(Schema):
    articles: list[ArticleOut]
    total: int
    next: str | None


class RevisionOut(Schema):
    revision: int
    number: int
    title: str
    by: str | None
    created_at: datetime


class WholeRevisionOut(RevisionOut):
    article: int
    text: str


class RevisionsOut(Schema):
    revisions: list[RevisionOut]


class FindingOut(Schema):
    start: int
    end: int
    rule: str
    excerpt: str


class RefusedText(Errors):
    findings: list[FindingOut] = Field(
        [], description="places that read like instructions to the machine, in the text"
    )


class OverlapOut(Schema):
    place: str = Field(description="Title, Category, …, or the lines of the revision that you read")
    base: str | None
    yours: str
    theirs: str


class RefusedMerge(Errors):
    overlaps: list[OverlapOut] = Field(
        [], description="with `merge`: what both changed, each in another way"
    )


def _in_utc(moment: datetime) -> datetime:
    """The same instant in UTC: what databases compare. ValueError for one that no calendar has."""
    if moment.tzinfo is None:
        raise ValueError("needs a time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no time that can be compared") from None


Moment = Annotated[datetime, AfterValidator(_in_utc)]


class Wanted(Schema):
    q: str = ""
    collection: str = ""
    state: str = ""
    category: str = ""
    language: str = ""
    changed_since: Moment | None = None
    after: int = Field(0, description="from the `next` of the answer before")
