"""Every page there is, by name: screenshots are taken and rules checked of each. A new page is a new line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from browser import sign_in
from lively_world import PASSWORD, LivelyWorld
from playwright.async_api import Page

from domain.access import Role


@dataclass(frozen=True)
class Shown:
    """A page: its path in a world, a selector of what is there once it is ready, and who must sign in."""

    name: str
    path: Callable[[LivelyWorld], str]
    ready: str
    role: Role | None = None

    async def visit(self, page: Page, world: LivelyWorld) -> None:
        """Sign in where it needs that, go there and wait until it is ready, maps too."""
        await self.enter(page, world)
        await self.look(page, world)

    async def enter(self, page: Page, world: LivelyWorld) -> None:
        """Sign in as its role, where it has one."""
        if self.role is not None:
            await sign_in(page, world.logins[self.role], PASSWORD)

    async def look(self, page: Page, world: LivelyWorld) -> None:
        """Go there, signed in as its role, and wait until it is ready, maps too."""
        # From a page to a place on the same one would be no visit.
        await page.goto("about:blank")
        await page.goto(self.path(world))
        await page.locator(self.ready).first.wait_for()
        await page.wait_for_function("() => !document.querySelector('[data-map=loading]')")
        await page.evaluate("document.fonts.ready")


def _order(shows: str) -> Callable[[LivelyWorld], str]:
    return lambda world: f"/track/{world.tokens[shows]}"


def _desk(shows: str) -> Callable[[LivelyWorld], str]:
    return lambda world: f"/desk?order={world.orders[shows]}"


def _at(path: str) -> Callable[[LivelyWorld], str]:
    return lambda _world: path


def _drawer(of: str, shows: str) -> Callable[[LivelyWorld], str]:
    def path(world: LivelyWorld) -> str:
        return f"/#live/{of}/{(world.orders if of == 'order' else world.vehicles)[shows]}"

    return path


PAGES = (
    Shown("track-look-up", _at("/track"), "form"),
    Shown("track-under-way", _order("under way"), "[data-order=shown]"),
    Shown("track-near", _order("near"), "[data-order=shown]"),
    Shown("track-late", _order("late"), "[data-order=shown]"),
    Shown("track-silent", _order("silent"), "[data-order=shown]"),
    Shown("track-failed", _order("failed"), "[data-order=shown]"),
    Shown("track-delivered", _order("delivered"), "[data-order=shown]"),
    Shown("track-prepared", _order("prepared"), "[data-order=shown]"),
    Shown("track-gone", _at("/track/nowhere"), "[role=alert]"),
    Shown("sign-in", _at("/signin"), "form"),
    Shown("dispatch-live", _at("/"), "[data-stream=live] dl", Role.DISPATCHER),
    Shown("dispatch-board", _at("/#board"), "[data-board=shown]", Role.DISPATCHER),
    Shown("dispatch-order", _drawer("order", "late"), "aside figure", Role.DISPATCHER),
    Shown("dispatch-vehicle", _drawer("vehicle", "under way"), "aside table", Role.DISPATCHER),
    Shown("dispatch-geofences", _at("/#geofences"), "section li", Role.DISPATCHER),
    Shown("dispatch-devices", _at("/#devices"), ".list table, .list .message", Role.MANAGER),
    Shown("work-tasks", _at("/work"), "article[data-clock]", Role.WAREHOUSE),
    Shown("work-stops", _at("/work"), "[data-order=RD-3100]", Role.DRIVER),
    Shown("desk", _at("/desk"), "article[data-clock]", Role.CUSTOMER_SERVICE),
    Shown("desk-order", _desk("to pack"), "h1.code", Role.CUSTOMER_SERVICE),
    Shown("desk-address", _desk("in doubt"), ".review li", Role.CUSTOMER_SERVICE),
)
