"""What of an account is Logharbor's: its functions, found by their handlers, and what their environment names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from forwarders.config import Config
from forwarders.doctor.account import Account
from forwarders.errors import ConfigError

HANDLERS = "forwarders.handlers."


class Function(msgspec.Struct, frozen=True):
    """A function of ours. `kind`: forward, prepare, subscribe or replay."""

    name: str
    arn: str
    kind: str
    timeout_s: int
    environment: Mapping[str, str]
    settings: Mapping[str, Any]

    @property
    def pipeline(self) -> str:
        """The name that the pipeline was given: what its functions' names begin with."""
        return self.environment.get("LOGHARBOR_NAME") or self.name.partition(f"-{self.kind}")[0]


class Pipeline(msgspec.Struct, frozen=True):
    """One pipeline in one account. `config` is None where no pipeline.yaml was named."""

    name: str
    functions: tuple[Function, ...]
    config: Config | None = None

    def of(self, kind: str) -> list[Function]:
        """The functions of one kind."""
        return [function for function in self.functions if function.kind == kind]

    @property
    def named(self) -> bool:
        """Whether its functions know its name, which their metrics carry then."""
        return any(function.environment.get("LOGHARBOR_NAME") for function in self.functions)

    @property
    def filter_name(self) -> str:
        """What our subscription filters are called."""
        told = (function.environment.get("LOGHARBOR_FILTER_NAME") for function in self.functions)
        return next(filter(None, told), self.name)

    @property
    def destinations(self) -> dict[str, str]:
        """Where each lane's records should go, as far as the functions say: lane to ARN."""
        for function in self.of("subscribe"):
            try:
                return msgspec.json.decode(function.environment.get("LOGHARBOR_DESTINATIONS", ""), type=dict[str, str])
            except msgspec.DecodeError:
                continue
        return {}

    def owns(self, destination: str) -> bool:
        """Whether a subscription that delivers there delivers to us."""
        ours = [function.arn for function in self.of("forward")]
        return destination in self.destinations.values() or any(
            destination == arn or destination.startswith(f"{arn}:") for arn in ours
        )


def discover(account: Account, name: str = "", config: Config | None = None) -> Pipeline:
    """The pipeline of the account, `name` where there are several.

    Raises ConfigError when there are several and none is named; Denied when functions cannot be listed.
    """
    found = list(_functions(account.ask("lambda", "list_functions").get("Functions", ())))
    names = sorted({function.pipeline for function in found})
    if name:
        found = [function for function in found if function.pipeline == name]
    elif len(names) > 1:
        raise ConfigError("account", "--name", f"pipelines {', '.join(names)}", "one of them")
    return Pipeline(name or (names[0] if names else "logharbor"), tuple(found), config)


def _functions(listed: Iterable[Mapping[str, Any]]) -> Iterable[Function]:
    for one in listed:
        handler = str(one.get("Handler", ""))
        if handler.startswith(HANDLERS):
            yield Function(
                name=str(one["FunctionName"]),
                arn=str(one["FunctionArn"]).removesuffix(":$LATEST"),
                kind=handler.removeprefix(HANDLERS).partition(".")[0],
                timeout_s=int(one.get("Timeout", 3)),
                environment=one.get("Environment", {}).get("Variables", {}),
                settings=one,
            )
