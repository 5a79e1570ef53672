import not_to_be_found


def handler(event, context):
    pass
