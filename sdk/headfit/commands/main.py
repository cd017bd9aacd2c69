"""The ``headfit`` command: its subcommands together, and how errors end it."""

from __future__ import annotations

import errno
import io
import os
import sys

import click
from rich.text import Text

from headfit.commands import terminal
from headfit.commands.audit import audit
from headfit.commands.calibrate import calibrate
from headfit.commands.compare import compare
from headfit.commands.cut import cut
from headfit.commands.demo import demo
from headfit.commands.embed import embed
from headfit.commands.engines import doctor, lower
from headfit.commands.exit_codes import CLOSED_PIPE, DONE, EXIT_CODES, STOPPED, USAGE, exit_code
from headfit.commands.exports import (
    export_coreml,
    export_json,
    export_onnx,
    export_tflite,
    export_web,
)
from headfit.commands.extractors import extractors
from headfit.commands.finetune import finetune
from headfit.commands.heads import (
    convert_head,
    inspect,
    keygen,
    share,
    sign,
    verify,
)
from headfit.commands.paths import Group
from headfit.commands.pooling import contribute, pool, round_
from headfit.commands.report import report
from headfit.commands.store import store
from headfit.commands.train import evaluate, predict, train
from headfit.errors import HeadfitError
from headfit.files.disk import disk_of
from headfit.version import __version__


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code, one of `EXIT_CODES`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files need not be printable
            stream.reconfigure(errors="backslashreplace")
    try:
        result = app.main(arguments, prog_name="headfit", standalone_mode=False)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        for line in said.getvalue().rstrip("\n").split("\n"):
            terminal.echo(line, err=True)
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        return _fail("stopped", STOPPED)
    except SystemExit:  # so click and rich end where whoever read the output has gone
        return CLOSED_PIPE
    except HeadfitError as error:
        return _fail(str(error), exit_code(error))
    except OSError as error:
        return _fail(_said(error), exit_code(error))
    return result if isinstance(result, int) else DONE


def _said(error: OSError) -> str:
    name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    reason = error.strerror or str(error)
    if name and error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = f"the disk at {disk_of(name)} is full; free some space, or write elsewhere"
    return f"{name}: {reason}" if name else reason


def _fail(message: str, code: int) -> int:
    terminal.ERRORS.print(
        Text.assemble(("headfit: ", "bold red"), terminal.visible(message)), soft_wrap=True
    )
    return code


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExit codes:\n"
    + "\n".join(f"{code:5}  {what}" for code, what in EXIT_CODES.items()),
)
@click.version_option(__version__, message="headfit %(version)s")
def app() -> None:
    """Teach an image classifier on this machine.

    Photos go in, a head of a few kilobytes comes out; no photo leaves the machine.
    """


for command in (
    train, predict, evaluate, embed, report, compare, audit, finetune, demo,
    inspect, convert_head, share, keygen, sign, verify,
    export_tflite, export_onnx, export_coreml, export_web, export_json,
    round_, contribute, pool, calibrate,
    store, extractors, doctor, lower, cut,
):  # fmt: skip
    app.add_command(command)
