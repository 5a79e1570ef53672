"""Owns the command line: options, exit status.

0: all of the document is expressed; 1: written, but something was reported;
2: nothing was written.
"""

import argparse
import os
import re
import sys

from .documents import Documents
from .integration import NAME
from .nginxtext import unfit
from .nodes import DocError, Map, Scalar
from .openapi import Reader
from .render import render
from .reports import Reports, line, printable

STAGE = re.compile(r'[A-Za-z0-9_-]{1,128}\Z')


def pair(text):
    name, sign, value = text.partition('=')
    if not name or not sign or unfit(value):
        raise argparse.ArgumentTypeError('NAME=VALUE expected, not "%s"'
                                         % text)
    return name, value


def api_name(text):
    if not NAME.match(text):
        raise argparse.ArgumentTypeError('invalid name "%s"' % text)
    return text


def stage(text):
    name, *variables = text.split(',')
    if name != '$default' and not STAGE.match(name):
        raise argparse.ArgumentTypeError('invalid stage "%s"' % name)
    return name, dict(pair(v) for v in variables)


def folder(text):
    if unfit(text) or not text:
        raise argparse.ArgumentTypeError('invalid folder')
    return text


def location(text):
    if not re.fullmatch(r'/[^\s{};"\'$\\]*', text):
        raise argparse.ArgumentTypeError('invalid location "%s"' % text)
    return text


def arguments(argv):
    parser = argparse.ArgumentParser(prog='faasctl')
    commands = parser.add_subparsers(dest='command', required=True)
    openapi = commands.add_parser(
        'openapi', help='an OpenAPI document to a configuration of routes')
    add = openapi.add_argument

    add('file', metavar='FILE', help='OpenAPI 3.0 or 3.1, YAML or JSON, with '
        'the extensions of API Gateway')
    add('--name', type=api_name, help='of the faas_api block; default: made '
        'from the title')
    add('--type', choices=('http', 'rest'), help='default: what the document '
        'tells')
    add('--stage', type=stage, metavar='NAME[,VAR=VALUE...]', help='the '
        'stage and its variables')
    add('--function-dir', type=folder, default='/srv', metavar='DIR',
        help='where the code of functions is; default: /srv')
    add('--location', type=location, default='/', metavar='PATH',
        help='default: /')
    add('-D', dest='defines', action='append', type=pair, default=[],
        metavar='NAME=VALUE', help='a value for ${NAME} and Ref; X.Arn for '
        'GetAtt')
    add('-o', dest='out', metavar='OUT', help='default: standard output')

    options = parser.parse_args(argv)
    options.defines = dict(options.defines)
    options.stage_name, options.stage_variables = options.stage or (None, {})
    return options


def check_version(root, name):
    """Dies of what is not OpenAPI 3."""
    if not isinstance(root, Map):
        raise DocError((name, 1), 'not an OpenAPI document')
    if 'swagger' in root.items:
        raise DocError(root.at('swagger'), 'Swagger 2.0 is not read; export '
                       'it from API Gateway as OpenAPI 3 ("aws apigateway '
                       'get-export --export-type oas30 --parameters '
                       'extensions=apigateway"), or convert it with '
                       'swagger2openapi')
    if 'AWSTemplateFormatVersion' in root.items or 'Resources' in root.items:
        raise DocError(root.place, 'a template of CloudFormation; the OpenAPI '
                       'document in it has to be a file of its own')
    version = root.get('openapi')
    if not isinstance(version, Scalar) \
            or not re.match(r'3\.[01](\.|\Z)', version.text):
        raise DocError(root.at('openapi'),
                       'not an OpenAPI document of version 3.0 or 3.1')


def write(text, out):
    if out is None:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
        return
    with open(out, 'wb') as f:
        f.write(text.encode())


def openapi(options):
    documents, reports = Documents(), Reports()
    try:
        root = documents.load(options.file)
        check_version(root, options.file)
        api = Reader(documents, reports, options).read(root)
        text = render(api, options, os.path.basename(options.file))
        write(text, options.out)
    except DocError as e:
        reports.print()
        print(line(e.place, str(e)), file=sys.stderr)
        return 2
    except OSError as e:
        print(printable('faasctl: %s: %s' % (options.out or 'output',
                                             e.strerror)), file=sys.stderr)
        return 2

    reports.print()
    return 1 if reports else 0


def main(argv):
    return openapi(arguments(argv))
