name = "the function's own"


def handler(event, context):
    import uuid
    return uuid.name
