"""``headfit share``, ``keygen``, ``sign``, ``verify``: heads that go to others and come back."""

from __future__ import annotations

import os
from pathlib import Path

import click

from headfit.files.disk import read_bounded, write_atomically
from headfit.files.headfile import MAX_FILE_BYTES, load_head, save_head_bytes
from headfit.privacy.sharing import released
from headfit.privacy.signing import new_key, public_key, sign_head_bytes, verify_head_bytes

_MAX_KEY_BYTES = 1 << 16
HEAD = click.argument("head", metavar="HEAD", type=click.Path(path_type=Path))
OUTPUT = click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path), required=True
)
FORCE = click.option(
    "--force", is_flag=True, help="Even if a class rests on fewer than three photos."
)


@click.command()
@HEAD
@OUTPUT
@FORCE
def share(head: Path, output: Path, force: bool) -> None:
    """Write HEAD to FILE for others, unless it gives single photos away."""
    file = load_head(head)
    released(file.head, force=force)
    write_atomically(output, save_head_bytes(file))
    click.echo(f"Wrote {output}.")


@click.command()
@click.argument("key", metavar="KEY", type=click.Path(path_type=Path))
def keygen(key: Path) -> None:
    """Write a new private key to KEY and print the public one.

    Whoever has KEY can sign in your name. Apps that take your heads need the public key alone.
    """
    private = new_key()
    with open(os.open(key, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
        stream.write(private)
    click.echo(public_key(private))


@click.command()
@HEAD
@click.option(
    "--key", metavar="KEY", type=click.Path(path_type=Path), required=True, help="Of `keygen`."
)
@OUTPUT
@FORCE
def sign(head: Path, key: Path, output: Path, force: bool) -> None:
    """Sign HEAD, as `share` writes it, and write it to FILE."""
    private = read_bounded(key, _MAX_KEY_BYTES)
    write_atomically(output, sign_head_bytes(load_head(head).head, private, force=force))
    click.echo(f"Wrote {output}, signed by {public_key(private)}.")


@click.command()
@HEAD
@click.option(
    "--trust", metavar="HEX", multiple=True, required=True, help="A public key; may be repeated."
)
def verify(head: Path, trust: tuple[str, ...]) -> None:
    """Say whether HEAD was signed by a key that you trust."""
    data = verify_head_bytes(read_bounded(head, MAX_FILE_BYTES), trust, str(head))
    assert data.signature is not None
    click.echo(f"{head} is what {data.signature.public_key} signed.")
