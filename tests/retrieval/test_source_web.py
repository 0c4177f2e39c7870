"""A web site is read politely and within bounds, and never leads into the own network."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from retrieval.sources import fetching, website
from retrieval.sources.fetching import Fetcher, FetchError, public_address
from retrieval.sources.interface import Entry, Fetched, ItemError, Listing, SourceError
from retrieval.sources.website import WebsiteAdapter
from tests.retrieval.source_server import Page, Site, serving

ARTICLE = "<html lang=en><title>Returns</title><main><h1>Returns</h1><p>Send it back.</p></main>"


@pytest.fixture
def site(settings: Any) -> Iterator[Site]:
    settings.SOURCE_PRIVATE_HOSTS = ["127.0.0.1"]
    with serving() as found:
        yield found


def listed(site: Site, path: str = "", **options: Any) -> Listing:
    with closing(WebsiteAdapter(site.url + path, **options)) as adapter:
        return adapter.listing()


def paths(listing: Listing, site: Site) -> list[str]:
    return [entry.path.removeprefix(site.url) for entry in listing.entries]


def test_the_map_is_read_as_robots_allow_and_within_the_host(site: Site) -> None:
    site.put("/robots.txt", f"User-agent: *\nDisallow: /private/\nSitemap: {site.url}/map.xml\n")
    site.sitemap(
        "/a", "/a#part", "/private/b", "http://elsewhere.example/c", "/docs/d", at="/map.xml"
    )
    found = listed(site)
    assert paths(found, site) == ["/a", "/docs/d"]
    assert found.complete
    assert "on other hosts: 1" in found.note
    assert "robots.txt forbids them: 1" in found.note
    assert paths(listed(site, path_prefix="/docs/"), site) == ["/docs/d"]
    assert "/private/b" not in site.paths()


def test_maps_that_name_each_other_in_a_circle_are_read_once(site: Site) -> None:
    def index(*maps: str) -> str:
        rows = "".join(f"<sitemap><loc>{site.url}{one}</loc></sitemap>" for one in maps)
        return f"<sitemapindex>{rows}</sitemapindex>"

    site.put("/sitemap.xml", index("/one.xml", "/sitemap.xml", "/two.xml.gz"))
    site.put("/one.xml", index("/sitemap.xml", "/one.xml", "/two.xml.gz"))
    site.put(
        "/two.xml.gz",
        gzip.compress(f"<urlset><url><loc>{site.url}/a</loc></url></urlset>".encode()),
    )
    assert paths(listed(site), site) == ["/a"]
    assert len(site.asked) == 4  # robots.txt and each map once


def test_bounds_on_pages_and_maps_say_that_something_is_missing(
    site: Site, monkeypatch: Any
) -> None:
    site.sitemap(*(f"/{n}" for n in range(9)))
    cut = listed(site, max_pages=3)
    assert (len(cut.entries), cut.complete) == (3, False)
    monkeypatch.setattr(website, "MAX_SITEMAP_BYTES", 500)
    site.put("/bomb.xml.gz", gzip.compress(b" " * 5000))
    with pytest.raises(SourceError, match="unpacks to more than 500 bytes"):
        listed(site, "/bomb.xml.gz")


@pytest.mark.parametrize(
    "hostile",
    [
        '<!DOCTYPE u [<!ENTITY x "y">]><urlset>&x;</urlset>',
        '<!DOCTYPE u [<!ENTITY x SYSTEM "file:///etc/passwd">]><urlset><url><loc>&x;</loc></url></urlset>',
        "<urlset><url>",
        "<html></html>",
    ],
)
def test_a_hostile_or_broken_map_is_no_map(site: Site, hostile: str) -> None:
    site.put("/sitemap.xml", hostile)
    with pytest.raises(SourceError, match="is no map"):
        listed(site)


def test_a_site_that_cannot_say_what_may_be_read_is_not_read(site: Site) -> None:
    site.pages["/robots.txt"] = Page(b"", 503)
    site.sitemap("/a")
    with pytest.raises(SourceError, match="nobody knows what may be read"):
        listed(site)


def test_an_unchanged_page_is_not_sent_again(site: Site) -> None:
    site.put("/a", ARTICLE, ETag='"1"')
    site.put("/b", ARTICLE)
    with closing(WebsiteAdapter(site.url)) as adapter:
        first = adapter.fetch(Entry(f"{site.url}/a"), "")
        assert isinstance(first, Fetched)
        assert adapter.fetch(Entry(f"{site.url}/a"), first.fingerprint) is None
        assert site.asked[-1][1]["If-None-Match"] == '"1"'
        plain = adapter.fetch(Entry(f"{site.url}/b"), "")
        assert plain is not None
        assert adapter.fetch(Entry(f"{site.url}/b"), plain.fingerprint) is None, "same bytes"
        site.put("/a", ARTICLE + "More.", ETag='"2"')
        assert adapter.fetch(Entry(f"{site.url}/a"), first.fingerprint) is not None


def test_pages_that_are_no_articles_are_named(site: Site) -> None:
    site.put("/noindex", "<meta name=robots content='noindex, follow'><p>x")
    site.put("/photo", b"\x89PNG", Content_Type="image/png")
    site.put("/latin", "<p>Caf\xe9".encode("latin-1"), Content_Type="text/html; charset=iso-8859-1")
    site.pages["/away"] = Page(b"", 302, {"Location": "http://elsewhere.example/"})
    site.pages["/loop"] = Page(b"", 302, {"Location": "/loop"})
    site.pages["/moved"] = Page(b"", 301, {"Location": "/latin"})
    with closing(WebsiteAdapter(site.url)) as adapter:
        reasons = {}
        for path in ("/noindex", "/photo", "/away", "/loop", "/none"):
            with pytest.raises(ItemError) as error:
                adapter.fetch(Entry(site.url + path), "")
            reasons[path] = error.value.reason
        moved = adapter.fetch(Entry(f"{site.url}/moved"), "")
    assert reasons == {
        "/noindex": "asks not to be indexed",
        "/photo": "is image/png, which is not read",
        "/away": "leads to another host, which is not followed",
        "/loop": "redirects in a circle",
        "/none": "answers with the status 404",
    }
    assert moved is not None
    assert moved.content == "<p>Café".encode()


def test_a_page_and_a_run_have_a_bound_in_bytes(site: Site) -> None:
    site.put("/big", b"x" * 5000)
    with closing(Fetcher(site.url, budget=12_000)) as fetcher:
        with pytest.raises(FetchError, match="has more than 1,000 bytes"):
            fetcher.get(f"{site.url}/big", max_bytes=1000)
        assert len(fetcher.get(f"{site.url}/big", max_bytes=9000).body) == 5000
        with pytest.raises(SourceError, match="COUNTERSIGN_SOURCE_MAX_MB"):
            fetcher.get(f"{site.url}/big", max_bytes=9000)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "0.0.0.0", "::1", "fd00::1",
        "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "100.64.0.1", "224.0.0.1", "localhost",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_however_they_are_written(host: str) -> None:
    with pytest.raises(SourceError, match="private address"):
        public_address(host, 80)


def test_a_name_that_changes_its_answer_is_connected_where_it_was_checked(
    site: Site, settings: Any, monkeypatch: Any
) -> None:
    """DNS rebinding: the check and the connection use one answer, and every answer is checked."""
    settings.SOURCE_PRIVATE_HOSTS = []
    answers = iter(["93.184.215.14", "127.0.0.1"])
    connected: list[str] = []

    def resolve(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def connect(self: Any, host: str, *args: Any) -> Any:
        connected.append(host)
        raise fetching.httpcore.ConnectError("not in a test")

    monkeypatch.setattr(fetching.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(fetching.httpcore.SyncBackend, "connect_tcp", connect)
    with closing(Fetcher("http://rebinding.example", budget=1000)) as fetcher:
        with pytest.raises(FetchError, match="gives no answer"):
            fetcher.get("http://rebinding.example/", max_bytes=100)
        with pytest.raises(SourceError, match="private address"):
            fetcher.get("http://rebinding.example/", max_bytes=100)
    assert connected == ["93.184.215.14"]
    assert site.asked == []


@pytest.mark.parametrize(
    "url", ["ftp://a.example", "file:///etc/passwd", "http://", "http://u:p@a.example", "http://[x"]
)
def test_addresses_that_are_none_say_what_to_write(url: str) -> None:
    with pytest.raises(SourceError):
        WebsiteAdapter(url)
