import json
import logging

logger = logging.getLogger()
logger.setLevel("INFO")


def handler(event, context):
    params = event.get("queryStringParameters") or {}
    name = params.get("name", "world")

    logger.info("saying hello to %s", name)

    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({
            "message": f"Hello, {name}!",
            "function": context.function_name,
        }),
    }
