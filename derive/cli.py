"""The command line: ``derive list show prove generate report demo``.

Only click is imported here; what a command does is in ``derive/commands`` and is imported when the command is called.
Every command returns an ``Answer``, which is printed for people or, with ``--json``, for programs.  Exit codes: 0 all
accepted, 1 something refuted, 2 wrong usage or input, 3 something open, 4 a defect of derive itself.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from derive import __version__
from derive.errors import DeriveError

if TYPE_CHECKING:
    from derive.commands.answer import Answer

WRONG_INPUT, DEFECT, BROKEN_PIPE = 2, 4, 141
TRACEBACK = "DERIVE_TRACEBACK"  # the environment variable that shows the traceback of a defect


class Commands(click.Group):
    """A group of commands in which every error becomes an answer and an exit code, never a traceback."""

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]  # click's has more parameters, which pass through
        """Run the command line; leave with its exit code (or return it, with ``standalone_mode=False``)."""
        given = list(sys.argv[1:] if args is None else args)
        standalone = extra.pop("standalone_mode", True)
        for stream in (sys.stdout, sys.stderr):  # a mathematical sign that the terminal lacks is no reason to fail
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        code = self._exit_code(given, prog_name, extra)
        if standalone:
            sys.exit(code)
        return code

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a reader that leaves early, such as ``head``, is no error."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return BROKEN_PIPE
        return code

    def _exit_code(self, args: list[str], prog_name: str | None, extra: dict[str, Any]) -> int:
        as_json = "--json" in (args[: args.index("--")] if "--" in args else args)
        try:
            return super().main(args, prog_name, standalone_mode=False, **extra) or 0
        except DeriveError as error:
            return _tell(as_json, WRONG_INPUT, error, f"Error: {error}")
        except click.ClickException as error:
            return _tell_usage(as_json, error)
        except click.Abort:
            click.echo("Stopped.", err=True)
            return 130
        except SystemExit:
            raise
        except BaseException as error:
            return _tell_defect(as_json, error)


def _tell(as_json: bool, code: int, error: DeriveError, text: str) -> int:
    """Print what went wrong: as JSON on stdout, or as text on stderr."""
    if as_json:
        kind = "defect" if code == DEFECT else "input"
        parts = {"kind": kind, "got": error.got, "wanted": error.wanted, "where": error.where, "hint": error.hint}
        click.echo(json.dumps({"error": parts}, indent=2))
    else:
        click.echo("\n".join(map(_wrapped, text.splitlines())), err=True)
    return code


def _wrapped(line: str) -> str:
    """A line broken between words where a terminal would break it anywhere."""
    if not sys.stderr.isatty():
        return line
    from shutil import get_terminal_size

    indent = " " * (len(line) - len(line.lstrip()))
    return click.wrap_text(line.strip(), get_terminal_size().columns, indent, indent + "  ")


def _tell_usage(as_json: bool, error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    if not as_json:
        error.show()
    else:
        path = context.command_path if context else "derive"
        usage = context.get_usage() if context else ""
        _tell(True, WRONG_INPUT, DeriveError(error.format_message(), usage, "command line", f"{path} --help"), "")
    return WRONG_INPUT


def _tell_defect(as_json: bool, error: BaseException) -> int:
    from derive.commands.finding import said

    if os.environ.get(TRACEBACK):
        import traceback

        traceback.print_exception(error)
    what = said(error)
    hint = f"{TRACEBACK}=1 before the same command, to see the traceback"
    text = f"This is a defect of derive, not of your input: {what}\nSet {hint}; please report it."
    return _tell(as_json, DEFECT, DeriveError(what, "no exception: this is a defect of derive", "", hint), text)


def _answers(command: Callable[..., Answer]) -> Callable[..., int]:
    """Give a command the option ``--json``, and print the answer that it returns."""
    from functools import update_wrapper

    def call(*args: Any, as_json: bool, **options: Any) -> int:
        return command(*args, **options).give(as_json)

    call = update_wrapper(call, command)
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, errors included.")(call)


_several = click.argument("names", nargs=-1, metavar="[NAME]...")
_at_least_one = click.argument("names", nargs=-1, metavar="NAME...", required=True)
_settings = click.option(
    "--set", "settings", multiple=True, metavar="OPTION=VALUE", help="An option of the layer, such as reduction=sum."
)
_folder = click.Path(file_okay=True, path_type=str)  # whether it can be written is said when it is written


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="derive")
def main() -> None:
    """Derive the gradients of layers, prove them for every shape, and generate NumPy code.

    NAME is a layer of the catalogue (derive list), or FILE.py:name for one of your own: a derive.Layer, or a function
    whose parameters have shape strings as annotations.  FILE.py alone will do if it has one layer.

    Exit codes: 0 all accepted, 1 something refuted, 2 wrong usage or input, 3 something open, 4 a defect of derive.
    """


@main.command("list")
@_answers
def list_layers() -> Answer:
    """The catalogue: name, inputs, options, status."""
    from derive.commands import layers

    return layers.listing()


@main.command()
@_at_least_one
@click.option("--latex", is_flag=True, help="Formulas in LaTeX.")
@click.option("--sympy", is_flag=True, help="Gradients as SymPy matrix expressions too.")
@_settings
@_answers
def show(names: tuple[str, ...], latex: bool, sympy: bool, settings: tuple[str, ...]) -> Answer:
    """Equations, derivation and gradients."""
    from derive.commands import layers

    return layers.shown(names, latex, sympy, settings)


@main.command()
@_several
@_settings
@_answers
def prove(names: tuple[str, ...], settings: tuple[str, ...]) -> Answer:
    """Prove each line of the derivation, with times.

    Without a NAME, the whole catalogue.
    """
    from derive.commands import layers

    return layers.proved(names, settings)


@main.command()
@_at_least_one
@click.option("-o", "--output", "folder", metavar="DIR", type=_folder, help="Write DIR/NAME.py instead of printing.")
@_settings
@_answers
def generate(names: tuple[str, ...], folder: str | None, settings: tuple[str, ...]) -> Answer:
    """The NumPy module, with forward and backward."""
    from derive.commands import layers

    return layers.generated(names, folder, settings)


@main.command()
@_several
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    type=_folder,
    default="reports",
    show_default=True,
    help="Where the pages are.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a page differs from what would be written.")
@_answers
def report(names: tuple[str, ...], folder: str, check: bool) -> Answer:
    """Write the report pages, or check them.

    Without a NAME, of the whole catalogue; with FILE.py alone, of every layer in that file.
    """
    from derive.commands import pages

    return pages.checked(names, folder) if check else pages.reported(names, folder)


@main.command()
@click.argument("files", nargs=-1, metavar="FILE.py[:NAME]...", required=True)
@click.option("--budget", type=click.Choice(["ci", "deep"]), default="ci", show_default=True, help="How long to look.")
@click.option("--junit", metavar="FILE.xml", type=_folder, help="Write the verdicts as JUnit XML too.")
@click.option("--github", is_flag=True, help="Print annotations for GitHub Actions too.")
@_answers
def check(files: tuple[str, ...], budget: str, junit: str | None, github: bool) -> Answer:
    """Check hand-written pairs NAME_forward and NAME_backward.

    The parameters of NAME_forward have shape strings as annotations, X: "n d".  NAME_backward takes the same arrays and
    the upstream gradient, or the upstream gradient and what NAME_forward kept.
    """
    from derive.commands import checking

    return checking.checked(files, budget, junit, github)


@main.command()
@click.argument("files", nargs=-1, metavar="FILE.md...", required=True)
@click.option("-w", "--write", is_flag=True, help="Write each verdict into the file, beside its claim.")
@_answers
def claims(files: tuple[str, ...], write: bool) -> Answer:
    """Decide the gradients claimed in fenced derive blocks of Markdown files.

    A block declares names (X: n d), states formulas (E = sum(X ** 2)) and claims gradients (dE/dX = 2 * X).
    """
    from derive.commands import claiming

    return claiming.decided(files, write)


@main.command()
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    type=_folder,
    default="derive-demo",
    show_default=True,
    help="Where the report goes.",
)
@_answers
def demo(folder: str) -> Answer:
    """The two-layer network from formula to report.

    Derives its gradients, proves each line, generates and tests the NumPy module, trains it, and writes the report.
    """
    from derive.commands import pages

    return pages.demonstrated(folder)
