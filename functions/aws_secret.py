"""The functions' secrets from AWS Secrets Manager.

In the function's configuration everybody who may look at functions could read them, and a new key would need
a deployment. Neither boto3, a large import in each cold start, nor Lambda's extension, one more process in
each environment: it is one signed POST (AWS Signature Version 4), at first use.
"""

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from mqtt_bridge.errors import ConfigurationError, ConfigurationUnavailableError
from mqtt_bridge.settings import PREFIX

SECRET_ID: Final = f"{PREFIX}SECRET_ID"
"""The setting: name or ARN of a secret whose value is a JSON object with these as members."""
MEMBERS = frozenset({f"{PREFIX}SIGNING_KEY", f"{PREFIX}AUTH_SECRET"})

SERVICE = "secretsmanager"
ATTEMPTS = 2
TIMEOUT = 1.0
"""Seconds for each step of an attempt: connect, TLS, answer. A lost path costs one for each attempt."""


def with_secret(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, and what the secret adds that it names.

    Raises ConfigurationError, as ConfigurationUnavailableError when AWS does not answer now.
    """
    name = environ[SECRET_ID]
    for attempt in range(1, ATTEMPTS + 1):
        try:
            members = json.loads(_fetch(name, environ))
        except (OSError, http.client.HTTPException) as exc:
            if attempt == ATTEMPTS:
                raise _unavailable(type(exc).__name__) from exc
        except (KeyError, ValueError) as exc:
            # Its text may quote the secret.
            raise _fault(f"cannot be read: {type(exc).__name__}") from None
        else:
            break
    if not isinstance(members, dict) or not all(isinstance(text, str) for text in members.values()):
        raise _fault("must be a JSON object of strings")
    if unknown := sorted(set(members) - MEMBERS):
        raise _fault(f"has a member {unknown[0]}; it may have {' and '.join(sorted(MEMBERS))}")
    return {**environ, **members}


def _fetch(name: str, environ: Mapping[str, str]) -> str:
    region = environ["AWS_REGION"]
    # The variable is the one that AWS's own clients know.
    endpoint = environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"https://{SERVICE}.{region}.amazonaws.com")
    url = urlsplit(endpoint)
    body = json.dumps({"SecretId": name}).encode()
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": url.netloc,
        "x-amz-target": f"{SERVICE}.GetSecretValue",
    }
    access_key, secret_key, session_token = _credentials(environ)
    if session_token:
        headers["x-amz-security-token"] = session_token
    signed = sign(
        headers,
        body,
        access_key=access_key,
        secret_key=secret_key,
        region=region,
        service=SERVICE,
        when=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
    )
    status, answer = _request("POST", url, signed, body)
    if status != 200:
        # Like AccessDeniedException. Its message is left out: it names whom the account knows.
        kind = str(answer.get("__type", status)).rpartition("#")[2]
        if status >= 500 or kind == "ThrottlingException":
            raise _unavailable(kind)
        raise _fault(f"cannot be read: {kind}")
    return str(answer["SecretString"])


def _credentials(environ: Mapping[str, str]) -> tuple[str, str, str]:
    """Access key, secret key and session token of the function's role."""
    if url := environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        # So it is with SnapStart: credentials in the environment would be those of the snapshot.
        headers = {"authorization": environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
        status, answer = _request("GET", urlsplit(url), headers)
        if status != 200:
            raise _fault(f"cannot be read: no credentials ({status})")
        return answer["AccessKeyId"], answer["SecretAccessKey"], answer["Token"]
    key, secret = environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"]
    return key, secret, environ.get("AWS_SESSION_TOKEN", "")


def _request(
    method: str, url: SplitResult, headers: Mapping[str, str], body: bytes | None = None
) -> tuple[int, dict[str, Any]]:
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.netloc, timeout=TIMEOUT)
    try:
        connection.request(method, url.path or "/", body, dict(headers))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def sign(
    headers: Mapping[str, str],
    body: bytes,
    *,
    access_key: str,
    secret_key: str,
    region: str,
    service: str,
    when: str,
) -> dict[str, str]:
    """These headers of a POST to ``/``, with those that sign it (AWS Signature Version 4).

    Names are in lower case; ``when`` is like ``20150830T123600Z``.
    """
    headers = {**headers, "x-amz-date": when}
    names = ";".join(sorted(headers))
    lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
    request = "\n".join(["POST", "/", "", *lines, "", names, hashlib.sha256(body).hexdigest()])
    scope = f"{when[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", when, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    authorization = f"Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {authorization}"}


def _fault(what: str) -> ConfigurationError:
    return ConfigurationError({SECRET_ID: what})


def _unavailable(what: str) -> ConfigurationUnavailableError:
    return ConfigurationUnavailableError({SECRET_ID: f"cannot be read: {what}"})
