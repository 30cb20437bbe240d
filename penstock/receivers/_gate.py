"""Between the kernel's servers and an authenticator: what the kernel does not know, it is asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from penstock._kernel import Gate
from penstock.pipeline import Refused, Unauthenticated
from penstock.pipeline.faults import FaultLog

if TYPE_CHECKING:
    from penstock._kernel import Claim
    from penstock.pipeline import Context
    from penstock.pipeline.auth import ServerAuthenticator


class Gatekeeper:
    """Rules on credentials in the event loop, for a `gate` that listeners are given."""

    def __init__(self, authenticator: ServerAuthenticator, context: Context) -> None:
        self.gate = Gate(
            headers=authenticator.credentials,
            challenge=authenticator.challenge,
            trust=authenticator.trust,
        )
        self._authenticator = authenticator
        self._tasks = context.tasks
        self._faults = FaultLog(context.logger)
        self._unfollow = authenticator.follow(self.gate.forget)
        asyncio.get_running_loop().add_reader(self.gate.fileno(), self._take)

    def close(self) -> None:
        """Rule no more; call it when nobody listens any longer."""
        asyncio.get_running_loop().remove_reader(self.gate.fileno())
        self._unfollow()

    def _take(self) -> None:
        for claim in self.gate.take():
            self._tasks.create_task(self._rule(claim))

    async def _rule(self, claim: Claim) -> None:
        try:
            await self._authenticator.authenticate(claim.headers)
        except Unauthenticated:
            claim.refuse()
        except Refused:
            claim.defer()
        except Exception as error:  # noqa: BLE001  (a stranger's bytes must not stop the service)
            # Not more than its type: the text of an exception may quote the credentials.
            self._faults.report("the authenticator failed", 0, type(error).__name__)
            claim.defer()
        else:
            claim.accept()
