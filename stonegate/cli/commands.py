"""Typer's commands, but for the help: what a flag is needs no `<bool>` beside it, and no `<path>` a FOLDER."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.exceptions import TyperException

from stonegate.cli.output import sending

#: Below this width the columns of the help would cut names of options off; without columns they have room.
_NARROWEST_COLUMNS = 72


def _is_narrow() -> bool:
    return shutil.get_terminal_size().columns < _NARROWEST_COLUMNS


def _hide_types(params: list[Any]) -> list[Any]:
    """The parameters, the type hidden where the help text or the name in capitals says it already."""
    for param in params:
        if isinstance(param, TyperOption) and param.is_flag:
            param.metavar = ""
        elif isinstance(param, TyperArgument):
            param.__class__ = _Argument  # typer lets nobody choose the class of an argument
    return params


class _Argument(TyperArgument):
    def display_type_rich(self, ctx: Any) -> str | None:
        del ctx
        return None


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _hide_types(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            if getattr(error, "ctx", None) is None:  # an option without its value says not of which command it is
                error.__dict__["ctx"] = ctx
            raise

    def format_help(self, ctx: Any, formatter: Any) -> None:
        if _is_narrow():
            self.rich_markup_mode = None
        with sending():  # typer prints here, past our own doors
            super().format_help(ctx, formatter)


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _hide_types(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        with sending():
            super().format_help(ctx, formatter)


class Commands(typer.Typer):
    """A group of commands; without arguments it prints its help."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=_Group, no_args_is_help=True, **settings)

    def command(self, *names: Any, **settings: Any) -> Callable[[Any], Any]:
        """As typer's, with a command whose help shows no types of flags."""
        return super().command(*names, cls=_Command, **settings)
