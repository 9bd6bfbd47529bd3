"""Any provider behind the OpenAI-compatible front: requests become calls of `provider.ask`."""

from __future__ import annotations

from seedbed.models.contract import Provider, Request
from seedbed.models.script.exchange import Answer, Asked
from seedbed.testing.front import Respond

NOT_PARAMS = {"model", "messages", "n", "stream", "stream_options", "response_format", "tools", "tool_choice"}
"""Keys of a request that are no sampling parameters."""


def answer_from(provider: Provider) -> Respond:
    """A function that answers with an open provider. Several answers to one request are asked for one by one."""

    async def respond(asked: Asked) -> Answer:
        params = {key: value for key, value in asked.params.items() if key not in NOT_PARAMS and value is not None}
        seed = params.pop("seed", None)
        # A tool that must be called is asked for as a schema; the front makes a call of the answer.
        tools = None if asked.wants == "tool" else asked.params.get("tools")
        replies = [
            await provider.ask(
                Request(
                    asked.messages,
                    params if seed is None else {**params, "seed": seed + choice},
                    asked.schema,
                    draw=choice if asked.count > 1 else None,
                    tools=tools,
                    tool_choice=asked.params.get("tool_choice") if tools else None,
                ),
                None,
            )
            for choice in range(asked.count)
        ]
        first = replies[0]
        usage = first.usage
        for reply in replies[1:]:
            usage = type(usage)(usage.input, usage.output + reply.usage.output, usage.cached_input)
        return Answer(
            [reply.text for reply in replies],
            usage,
            first.finish_reason,
            reasoning=first.reasoning,
            logprobs=first.logprobs,
            tool_calls=first.tool_calls,
        )

    return respond
