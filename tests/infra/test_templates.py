"""The AWS templates against the code that they deploy. Whether their form is right, `make check` sees."""

import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions import metrics
from functions.app import openapi
from functions.aws_secret import MEMBERS, SECRET_ID
from infra.aws import lambda_zip
from infra.aws.lambda_zip import ROOT
from mqtt_bridge.settings import PREFIX, Settings
from mqtt_bridge.tokens import SigningKey

AWS = ROOT / "infra" / "aws"
SECRETS = {f"{PREFIX}{name}" for name in ("SIGNING_KEY", "AUTH_SECRET")}


class Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """Reads CloudFormation's short forms as the long ones: ``!Ref a`` is ``{"Ref": "a"}``."""


def _long_form(loader: Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    key = name if name in ("Ref", "Condition") else f"Fn::{name}"
    match node:
        case yaml.ScalarNode():
            return {key: loader.construct_scalar(node)}
        case yaml.SequenceNode():
            return {key: loader.construct_sequence(node, deep=True)}
    return {key: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _long_form)


def template(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((AWS / name).read_text(), Loader)
    return loaded


FUNCTIONS = template("template.yaml")
BROKER = template("broker.yaml")


def of_type(loaded: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    resources = loaded["Resources"].items()
    return {name: resource.get("Properties", {}) for name, resource in resources if resource["Type"] == kind}


LAMBDAS = of_type(FUNCTIONS, "AWS::Serverless::Function")


def statements(loaded: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, role in of_type(loaded, "AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def test_every_route_has_its_function() -> None:
    """What the API page promises is deployed, and nothing else."""
    routes = {(method.upper(), path) for path, methods in openapi()["paths"].items() for method in methods}
    events = [properties["Events"]["Route"]["Properties"] for properties in LAMBDAS.values()]

    assert {(event["Method"], event["Path"]) for event in events} == routes
    assert len(events) == len(routes)
    assert {event["PayloadFormatVersion"] for event in events} == {"2.0"}


def test_monitors_may_ask_with_head() -> None:
    """The gateway answers 404 to a method without a route, and a monitor would call the system down."""
    head = LAMBDAS["Status"]["Events"]["Head"]["Properties"]
    route = LAMBDAS["Status"]["Events"]["Route"]["Properties"]

    assert head == route | {"Method": "HEAD"}


ANSWER_PREFLIGHT = """
import json, sys
from types import SimpleNamespace
from functions.session import handler
context = SimpleNamespace(aws_request_id="c6af9ac6", get_remaining_time_in_millis=lambda: 9999)
sys.stdout.write("\\n" + json.dumps(handler(json.load(sys.stdin), context)))
"""


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/sync/session"), ("GET", "/api/sync/devices"), ("DELETE", "/api/sync/devices/mac-1")],
)
def test_pages_of_the_web_app_may_call(method: str, path: str) -> None:
    """A browser asks with OPTIONS first. Without a route for that the gateway says 404, and no page calls."""
    [preflight] = [
        (name, properties["Events"]["Preflight"]["Properties"])
        for name, properties in LAMBDAS.items()
        if "Preflight" in properties["Events"]
    ]
    assert preflight[0] == "Session"
    assert preflight[1]["Method"] == "OPTIONS"
    assert path.startswith(preflight[1]["Path"].removesuffix("{path+}"))
    event = {
        "version": "2.0",
        "routeKey": "OPTIONS /api/sync/{path+}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "host": "api.example",
            "origin": "https://app.example.com",
            "access-control-request-method": method,
            "access-control-request-headers": "authorization,content-type",
        },
        "requestContext": {
            "http": {"method": "OPTIONS", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    settings = {
        "BROKER_URL": "mqtts://sync.example.com",
        "PUBLIC_BROKER_URLS": "wss://sync.example.com/mqtt",
        "SIGNING_KEY": SigningKey.generate().to_pem(),
        "AUTH_ISSUER": "https://app.example.com",
        "AUTH_AUDIENCE": "kull-sync",
        "AUTH_ALGORITHMS": "HS256",
        "AUTH_SECRET": "x" * 48,
        "CORS_ORIGINS": "https://app.example.com",
    }
    done = subprocess.run(
        [sys.executable, "-c", ANSWER_PREFLIGHT],
        input=json.dumps(event),
        env={"PATH": os.environ["PATH"]} | {PREFIX + name: text for name, text in settings.items()},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["statusCode"] == 200
    assert answer["headers"]["access-control-allow-origin"] == "https://app.example.com"
    assert method in answer["headers"]["access-control-allow-methods"]


@pytest.mark.parametrize("name", LAMBDAS)
def test_every_handler_exists_and_serves_its_route(name: str) -> None:
    """A wrong name would show at the first request only."""
    module, _, attribute = LAMBDAS[name]["Handler"].rpartition(".")
    route = LAMBDAS[name]["Events"]["Route"]["Properties"]["Path"]

    assert module in lambda_zip.handlers()
    assert callable(getattr(importlib.import_module(module), attribute))
    assert f" {route}:" in str(importlib.import_module(module).__doc__)


def test_the_zip_is_for_what_the_template_says() -> None:
    """Another runtime ignores the compiled files; another processor cannot load the libraries."""
    globals_ = FUNCTIONS["Globals"]["Function"]

    assert globals_["Runtime"] == f"python{lambda_zip.RUNTIME}"
    assert globals_["Architectures"] == ["arm64"]
    assert (AWS / globals_["CodeUri"]).resolve() == ROOT / lambda_zip.OUTPUT


def test_settings_are_known_and_no_secret_is_among_them() -> None:
    """Everybody who may look at functions sees their environment."""
    variables = set(FUNCTIONS["Globals"]["Function"]["Environment"]["Variables"])
    ours = {name for name in variables if name.startswith(PREFIX)}
    required = {PREFIX + name.upper() for name, field in Settings.model_fields.items() if field.is_required()}

    assert ours - {SECRET_ID} <= {PREFIX + name.upper() for name in Settings.model_fields}
    assert required - MEMBERS <= ours
    assert not SECRETS & variables
    assert SECRETS == MEMBERS
    for properties in LAMBDAS.values():
        assert "Environment" not in properties


@pytest.mark.parametrize("name", LAMBDAS)
def test_each_function_may_read_the_secret_and_write_its_own_log(name: str) -> None:
    """One that is taken over cannot touch the logs of another, nor anything else."""
    assert LAMBDAS[name]["Role"] == {"Fn::GetAtt": f"{name}Role.Arn"}
    assert LAMBDAS[name]["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}Log"}
    role = of_type(FUNCTIONS, "AWS::IAM::Role")[f"{name}Role"]
    assert "ManagedPolicyArns" not in role
    [policy] = role["Policies"]
    secret, log = policy["PolicyDocument"]["Statement"]

    assert secret == {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": {"Ref": "SecretArn"},
    }
    assert log == {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": {"Fn::GetAtt": f"{name}Log.Arn"},
    }


@pytest.mark.parametrize("loaded", [FUNCTIONS, BROKER], ids=["functions", "broker"])
def test_no_right_is_a_wildcard(loaded: dict[str, Any]) -> None:
    """Where AWS knows no narrower resource, a condition narrows it."""
    found = list(statements(loaded))
    for role, statement in found:
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert "*" not in action, role
        if "*" in json.dumps(statement["Resource"]):
            assert "Condition" in statement, (role, statement)
    assert found


@pytest.mark.parametrize("loaded", [FUNCTIONS, BROKER], ids=["functions", "broker"])
def test_logs_end_some_day(loaded: dict[str, Any]) -> None:
    """A group without retention keeps, and costs, for ever."""
    for name, log in of_type(loaded, "AWS::Logs::LogGroup").items():
        assert log["RetentionInDays"] == {"Ref": "LogRetentionDays"}, name


def alarm_metrics(loaded: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, alarm in of_type(loaded, "AWS::CloudWatch::Alarm").items():
        for metric in [alarm, *(each["MetricStat"]["Metric"] for each in alarm.get("Metrics", [])[1:])]:
            if "MetricName" in metric:
                yield name, metric["Namespace"], metric["MetricName"]


def test_alarms_look_at_metrics_that_are_written() -> None:
    """An alarm on a name that nobody writes is silent for ever."""
    [transformation] = of_type(FUNCTIONS, "AWS::Logs::MetricFilter")["BrokerAway"]["MetricTransformations"]
    reported = (AWS / "vm" / "minder").read_text()
    ours = [(name, metric) for name, space, metric in alarm_metrics(FUNCTIONS) if space == metrics.NAMESPACE]
    for name, metric in ours:
        assert metric in metrics.NAMES or metric == transformation["MetricName"], name
    assert {"NotPublishedAlarm", "BrokerAwayAlarm"} <= {name for name, _ in ours}
    # Whoever calls without a token counts there: it says nothing of this system.
    assert "Refused" not in [metric for _, metric in ours]
    for name, space, metric in alarm_metrics(BROKER):
        assert space != "kull-sync" or f'"MetricName={metric},' in reported, name


def test_every_function_is_watched() -> None:
    """A function that was forgotten in an alarm fails in silence."""
    for alarm, watched in (("ErrorsAlarm", set(LAMBDAS)), ("ThrottlesAlarm", set(LAMBDAS))):
        text = json.dumps(FUNCTIONS["Resources"][alarm])
        assert {name for name in LAMBDAS if f'{{"Ref": "{name}"}}' in text} == watched, alarm


def test_the_heartbeat_is_an_event_of_the_api() -> None:
    """Mangum tells events apart by their members."""
    [target] = of_type(FUNCTIONS, "AWS::Events::Rule")["Heartbeat"]["Targets"]
    event = json.loads(target["Input"])

    assert event["version"] == "2.0"
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/api/sync/status"
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "GET /api/sync/status"
    assert target["Arn"] == {"Fn::GetAtt": "Status.Arn"}


def test_the_vm_is_closed_but_for_the_front() -> None:
    """No SSH; no metadata for containers; the volume encrypted, and kept when the stack goes."""
    [firewall] = of_type(BROKER, "AWS::EC2::SecurityGroup").values()
    [launch] = of_type(BROKER, "AWS::EC2::LaunchTemplate").values()
    volume = BROKER["Resources"]["Volume"]

    assert [rule["FromPort"] for rule in firewall["SecurityGroupIngress"]] == [80, 443, 8883]
    assert all(rule["FromPort"] == rule["ToPort"] for rule in firewall["SecurityGroupIngress"])
    data = launch["LaunchTemplateData"]
    assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    assert "KeyName" not in data
    assert volume["DeletionPolicy"] == volume["UpdateReplacePolicy"] == "Snapshot"
    assert volume["Properties"]["Encrypted"] is True


def test_user_data_names_what_the_scripts_read() -> None:
    """They stop at a variable that is not set: on the VM, minutes into a deployment."""
    [launch] = of_type(BROKER, "AWS::EC2::LaunchTemplate").values()
    user_data, _ = launch["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    settings = user_data.partition("<<'SETTINGS'\n")[2].partition("\nSETTINGS")[0]
    given = {line.strip().partition("=")[0] for line in settings.splitlines()}
    scripts = "".join((AWS / "vm" / name).read_text() for name in ("boot", "deploy", "minder"))

    for name in given - {"AWS_DEFAULT_REGION"}:
        assert f"${name}" in scripts or f"${{{name}" in scripts, name
    assert {"VOLUME", "ALLOCATION", "DOMAIN", "JWKS_PARAMETER", "BRIDGE_TOKEN_SECRET", "LOG_GROUP"} <= given


def test_a_signal_does_not_cost_the_restart() -> None:
    """Docker gives up an "unless-stopped" container that was sent any signal: the broker, by the minder."""
    assert "docker kill --signal HUP kull-sync-broker" in (AWS / "vm" / "minder").read_text()
    assert re.findall(r"--restart (\S+)", (AWS / "vm" / "deploy").read_text()) == ["always"]


SCRIPTS = [
    *(AWS / "vm" / name for name in ("boot", "deploy", "minder")),
    *(
        ROOT / "infra" / "front" / name
        for name in ("docker-entrypoint", "certificates", "docker-healthcheck")
    ),
    ROOT / "infra" / "front" / "use-certificate",
    ROOT / "infra" / "services" / "docker-healthcheck",
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_scripts_can_be_run(script: Path) -> None:
    """On the VM nobody is there to see a syntax error or a missing x."""
    assert os.access(script, os.X_OK)
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
