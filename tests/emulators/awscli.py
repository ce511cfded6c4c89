"""Runs commands of the AWS CLI in one process: a JSON list of lists of words on standard input, what each answers on standard output."""

import contextlib
import io
import json
import sys

# Otherwise this file would be taken for the CLI's own module.
sys.path.pop(0)

import awscli.clidriver  # noqa: E402


def main():
    answers = []
    for words in json.load(sys.stdin):
        said, wrong = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(wrong):
            code = awscli.clidriver.create_clidriver().main(words)
        answers.append({"code": code, "said": said.getvalue(), "wrong": wrong.getvalue()})
    json.dump(answers, sys.stdout)


main()
