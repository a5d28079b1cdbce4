"""From NAME on the command line to a layer: one of the catalogue, or ``FILE.py:name`` for one of the user's own."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from itertools import count
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from derive.errors import DeriveError, place_of

FUTURE_ANNOTATIONS = 0x1000000  # the code flag of ``from __future__ import annotations``
WANTED = "a derive.Layer, or a function with shape strings as annotations"
FORWARD, BACKWARD, CONVENTION = "_forward", "_backward", "_convention"
PAIR = 'def dense_forward(X: "n d", W: "d m"): ...  and  def dense_backward(X, W, dY): ...'
_fresh = count(1)


def find(names: Sequence[str], settings: Sequence[str] = ()) -> list[Any]:
    """The layers of some NAMEs, with ``OPTION=VALUE`` settings; DeriveError for one that there is not."""
    options = dict(map(_setting, settings))
    try:
        found = [layer for text in names for layer in find_layers(text, several=False)]
        return [layer.with_options(**options) for layer in found] if options else found
    except DeriveError as error:
        where = "option --set" if options and not error.where.startswith("argument") else error.where
        raise DeriveError(error.got, error.wanted, where, error.hint) from None


def _setting(text: str) -> tuple[str, Any]:
    """The option and its value: a Python literal, or else a text such as ``mean``."""
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise DeriveError(f"--set {text}", "OPTION=VALUE was wanted", "option --set", "--set stride=2")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return key, value


def find_layers(text: str, several: bool) -> list[Any]:
    """The layer of a NAME; or, if ``several`` and NAME is a file alone, all layers of the file."""
    with redirect_stdout(sys.stderr):  # what a file prints is not part of the answer
        if text.endswith(".py"):
            return _of_file(text, several)
        file, colon, name = text.rpartition(".py:")
        return [_in_file(file + ".py", name)] if colon else [_of_catalogue(text)]


def find_pairs(text: str) -> list[tuple[str, Any, Any, str | None]]:
    """The hand-written pairs of ``FILE.py`` or ``FILE.py:NAME``: ``(NAME, NAME_forward, NAME_backward, convention)``.

    The convention is the text ``NAME_convention``, where the file has one.
    """
    file, colon, wanted = text.rpartition(".py:")
    path, wanted = (f"{file}.py", wanted) if colon else (text, "")
    if not path.endswith(".py"):
        raise DeriveError(f"{text!r}", "FILE.py or FILE.py:NAME was wanted", "argument FILE", "a file with pairs")
    with redirect_stdout(sys.stderr):
        names = vars(_load(path))
    found = []
    for stem in [key.removesuffix(FORWARD) for key in names if key.endswith(FORWARD) and key != FORWARD]:
        forward, backward = names[stem + FORWARD], names.get(stem + BACKWARD)
        if callable(forward) and (not wanted or stem == wanted):
            if not callable(backward):
                missing = f"{path} has {stem}{FORWARD}, and no {stem}{BACKWARD}"
                raise DeriveError(missing, "both functions were wanted", place_of(forward))
            found.append((stem, forward, backward, names.get(stem + CONVENTION)))
    if not found:
        what = f"{path} has no pair {wanted}{FORWARD} / {wanted}{BACKWARD}" if wanted else f"{path} has no pairs"
        raise DeriveError(what, f"NAME{FORWARD} and NAME{BACKWARD} were wanted", "argument FILE", PAIR)
    return found


def _of_file(file: str, several: bool) -> list[Any]:
    found = _own(_load(file))
    if not found:
        raise DeriveError(
            f"{file} has no layer", WANTED, "argument NAME", 'def dense(X: "n d", W: "d m", b: "m"): return X @ W + b'
        )
    if len(found) > 1 and not several:
        raise DeriveError(
            f"{file} has {len(found)} layers", "one of them was wanted", "argument NAME", _choice(file, found)
        )
    return [_as_layer(value) for value in found.values()]


def _in_file(file: str, name: str) -> Any:
    from derive.derivation.layer import Layer

    module = _load(file)
    value = vars(module).get(name)
    if not isinstance(value, Layer | FunctionType):
        got = f"{name} in {file} is {type(value).__name__}" if name in vars(module) else f"{file} has no {name!r}"
        raise DeriveError(got, WANTED, "argument NAME", _choice(file, _own(module)))
    return _as_layer(value)


def _of_catalogue(text: str) -> Any:
    from derive.catalogue import layers

    try:
        return layers[text]
    except DeriveError as error:  # the place is the command line, not a line of Python
        raise DeriveError(error.got, error.wanted, "argument NAME", error.hint) from None


def _choice(file: str, found: dict[str, Any]) -> str:
    return " or ".join(f"{file}:{name}" for name in found) or f"{file}:name, once the file has a layer"


def _load(file: str) -> ModuleType:
    """The file, run as a module of a fresh name; its own folder can be imported from meanwhile."""
    try:
        path = Path(file).resolve()
        source = path.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links that lead round in a circle
        what = "there is no file" if isinstance(error, FileNotFoundError) else "cannot read"
        because = getattr(error, "strerror", None) or str(error)
        raise DeriveError(
            f"{what} {file!r} ({because})",
            "a Python file that can be read",
            "argument NAME",
            "the path of a file, FILE.py:name, or a name of derive list",
        ) from None
    module = ModuleType(f"derive_file_{next(_fresh)}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    paths, before = sys.path, list(sys.path)
    sys.path.insert(0, str(path.parent))
    try:
        exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)
    except DeriveError:
        raise
    except SyntaxError as error:
        line = f":{error.lineno}" if error.lineno else ""
        raise DeriveError(
            f"{file} is not Python: {error.msg}", "a file that Python can read", f"{path.name}{line}"
        ) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise DeriveError(
            f"{file} raised {said(error)}",
            "a file that runs without an error",
            _place(error, path),
            f"python {file}",
        ) from error
    finally:
        _put_back(paths, before, str(path.parent))
    return module


def _put_back(paths: list[str], before: list[str], folder: str) -> None:
    """The import path as it was before a file ran, with what the file has added; whatever else it did to it."""
    now = sys.path if isinstance(sys.path, list) else []
    added = [entry for entry in now if entry not in before and entry != folder]
    sys.path = paths
    paths[:] = [*added, *before]


def said(error: BaseException) -> str:
    """``ValueError: no``, or the class alone of an error that cannot say itself."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


def _place(error: BaseException, path: Path) -> str:
    """The last line of the file itself that the error passed through."""
    place, trace = path.name, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            place = f"{path.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _own(module: ModuleType) -> dict[str, Any]:
    """The layers that a file defines, and its public functions with shape strings that are not yet one of them."""
    from derive.catalogue import layers
    from derive.derivation.layer import Layer

    ready = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, Layer) and not any(value is known for known in layers.values())
    }
    found = {id(value): (key, value) for key, value in reversed(ready.items())}  # a second name is no second layer
    read = [layer.written for layer in ready.values()]
    functions = {
        key: value
        for key, value in vars(module).items()
        if _has_shapes(value, module) and not key.startswith("_") and value not in read
    }
    return {**dict(reversed(found.values())), **functions}


def _has_shapes(value: Any, module: ModuleType) -> bool:
    """True for a function of this file whose parameters all have a string as annotation."""
    if not isinstance(value, FunctionType) or value.__module__ != module.__name__:
        return False
    code = value.__code__
    texts = [value.__annotations__.get(key) for key in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]]
    quoted = bool(code.co_flags & FUTURE_ANNOTATIONS)  # then every annotation is a string, and a string is in quotes
    return bool(texts) and all(isinstance(text, str) and (not quoted or text[:1] in "'\"") for text in texts)


def _as_layer(value: Any) -> Any:
    from derive.derivation.layer import Layer
    from derive.derivation.reader import layer

    if isinstance(value, Layer):
        return value
    try:
        return layer(value)
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise DeriveError(
            f"{value.__name__} raised {said(error)}", "a function that runs on symbolic arrays", place_of(value)
        ) from error
