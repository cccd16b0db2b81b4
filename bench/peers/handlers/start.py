"""Calls the handler of a module once, as Lambda does after a cold start; the event comes on stdin."""

import importlib
import json
import sys
from types import SimpleNamespace

# Read only when a handler asks for them.
context = SimpleNamespace(
    aws_request_id="00000000-0000-0000-0000-000000000000",
    function_name="bench",
    function_version="$LATEST",
    invoked_function_arn="arn:aws:lambda:local:0:function:bench",
    memory_limit_in_mb="512",
    get_remaining_time_in_millis=lambda: 10_000,
)

handler = importlib.import_module(sys.argv[1]).handler
print(json.dumps(handler(json.load(sys.stdin), context)), flush=True)
# The next invocation would find the connection warm; nobody waits for this process to tidy up.
