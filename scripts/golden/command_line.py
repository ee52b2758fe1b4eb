"""Arguments of the scripts in this folder: names of files and folders, and --help, which shows a
script's docstring. No name begins with -, so that a mistaken option is not written as a file."""

import argparse


def file_name(text: str) -> str:
    if text.startswith("-"):
        raise argparse.ArgumentTypeError(f"a name that begins with -: {text}")
    return text


def parser_of(docstring: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def positional(docstring: str, *wanted: str, more: str | None = None) -> list[str]:
    """One name for each that is wanted, then any number of `more`."""
    parser = parser_of(docstring)
    for each in wanted:
        parser.add_argument(each, type=file_name)
    if more is not None:
        parser.add_argument(more, type=file_name, nargs="*", default=[])
    found = parser.parse_args()
    return [getattr(found, each) for each in wanted] + (getattr(found, more) if more else [])
