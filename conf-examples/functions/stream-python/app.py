"""Server-sent events: one a second."""

import time


def handler(event, context):
    yield {"statusCode": 200,
           "headers": {"Content-Type": "text/event-stream",
                       "Cache-Control": "no-store"}}

    for n in range(10):
        yield f"id: {n}\ndata: {time.strftime('%H:%M:%S')}\n\n"
        time.sleep(1)
