"""
The context object of a handler, member for member as on AWS Lambda.

Imported by bootstrap.py, in zygotes and environments.
"""

import json
import time

from faas_json import Fault


class CognitoIdentity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, values):
        self.cognito_identity_id = values.get("cognitoIdentityId")
        self.cognito_identity_pool_id = values.get("cognitoIdentityPoolId")

    def __repr__(self):
        return (f"{type(self).__name__}(["
                f"cognito_identity_id={self.cognito_identity_id},"
                f"cognito_identity_pool_id={self.cognito_identity_pool_id}])")


class Client:
    __slots__ = ("installation_id", "app_title", "app_version_name",
                 "app_version_code", "app_package_name")

    def __init__(self, values):
        for name in self.__slots__:
            setattr(self, name, values.get(name))

    def __repr__(self):
        return "%s([%s])" % (type(self).__name__, ",".join(
            f"{name}={getattr(self, name)}" for name in self.__slots__))


class ClientContext:
    __slots__ = ("custom", "env", "client")

    def __init__(self, values):
        client = values.get("client")
        self.custom = values.get("custom")
        self.env = values.get("env")
        self.client = None if client is None else Client(client)

    def __repr__(self):
        return (f"{type(self).__name__}([custom={self.custom},"
                f"env={self.env},client={self.client}])")


class LambdaContext:
    """What a handler gets besides the event."""

    # the same for all invocations of an environment
    _constants = {}
    _write = None

    def __init__(self, request_id, deadline_ms, arn, client, identity):
        self.__dict__.update(self._constants)
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.client_context = client and ClientContext(client)
        self.identity = CognitoIdentity(identity or {})
        self._epoch_deadline_time_in_ms = deadline_ms

    def get_remaining_time_in_millis(self):
        left = self._epoch_deadline_time_in_ms - int(time.time() * 1000)
        return left if left > 0 else 0

    def log(self, msg):
        self._write(str(msg))

    def __repr__(self):
        return "%s([%s])" % (type(self).__name__, ",".join(
            f"{name}={getattr(self, name)}" for name in (
                "aws_request_id", "log_group_name", "log_stream_name",
                "function_name", "memory_limit_in_mb", "function_version",
                "invoked_function_arn", "client_context", "identity",
                "tenant_id")))


def parse_context(text, name):
    if text is None:
        return None

    try:
        return json.loads(text)
    except ValueError as e:
        raise Fault("Runtime.LambdaContextUnmarshalError",
                    f"Unable to parse {name} JSON: {e}") from None
