"""KEDA's two kinds that deploy/kubernetes uses, as JSON schemas that refuse what is unknown; no package carries such.

Written from KEDA 2.15's documentation at keda.sh/docs/2.15: `reference/scaledobject-spec` (ScaledObject),
`scalers/postgresql` (its trigger, its parameter `connection`), `concepts/authentication` (TriggerAuthentication).
"""

from __future__ import annotations

from typing import Any


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_NAME: dict[str, Any] = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_NUMBER: dict[str, Any] = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}
_METADATA = _object(("name", "namespace"), name=_NAME, namespace=_NAME)
_POLICY = _object(
    ("type", "value", "periodSeconds"),
    type={"enum": ["Pods", "Percent"]},
    value={"type": "integer", "minimum": 1},
    periodSeconds={"type": "integer", "minimum": 1, "maximum": 1800},
)
_RULES = _object(
    (),
    stabilizationWindowSeconds={"type": "integer", "minimum": 0, "maximum": 3600},
    selectPolicy={"enum": ["Max", "Min", "Disabled"]},
    policies={"type": "array", "items": _POLICY, "minItems": 1},
)
_TRIGGER = _object(
    ("type", "metadata", "authenticationRef"),
    type={"const": "postgresql"},
    name={"type": "string"},
    metricType={"enum": ["AverageValue", "Value"]},
    metadata=_object(
        ("query", "targetQueryValue"),
        query={"type": "string"},
        targetQueryValue=_NUMBER,
        activationTargetQueryValue=_NUMBER,
    ),
    authenticationRef=_object(("name",), name=_NAME, kind={"enum": ["TriggerAuthentication"]}),
)
_TARGET = _object(("name",), apiVersion={"type": "string"}, kind={"type": "string"}, name=_NAME)

SCHEMAS = {
    "ScaledObject": _object(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"const": "keda.sh/v1alpha1"},
        kind={"const": "ScaledObject"},
        metadata=_METADATA,
        spec=_object(
            ("scaleTargetRef", "triggers"),
            scaleTargetRef=_TARGET,
            pollingInterval=_COUNT,
            cooldownPeriod=_COUNT,
            minReplicaCount=_COUNT,
            maxReplicaCount={"type": "integer", "minimum": 1},
            advanced=_object(
                (),
                horizontalPodAutoscalerConfig=_object((), behavior=_object((), scaleDown=_RULES, scaleUp=_RULES)),
            ),
            triggers={"type": "array", "items": _TRIGGER, "minItems": 1},
        ),
    ),
    "TriggerAuthentication": _object(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"const": "keda.sh/v1alpha1"},
        kind={"const": "TriggerAuthentication"},
        metadata=_METADATA,
        spec=_object(
            ("secretTargetRef",),
            secretTargetRef={
                "type": "array",
                "items": _object(
                    ("parameter", "name", "key"), parameter={"const": "connection"}, name=_NAME, key={"type": "string"}
                ),
            },
        ),
    ),
}
