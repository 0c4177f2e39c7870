"""The screens that every ticket, passage and draft goes through before anything is sent."""


class ScreenUnavailable(Exception):
    """A screen could not run, so a person decides; says which screen, why, and what to do.

    `permanent` is False where a retry may help.
    """

    def __init__(self, screen: str, reason: str, *, hint: str = "", permanent: bool = True) -> None:
        super().__init__(f"The {screen} screen could not run: {reason}" + (f" {hint}" if hint else ""))
        self.screen = screen
        self.reason = reason
        self.hint = hint
        self.permanent = permanent
