"""Workflows for tests: a file with every kind of node that the demo's tenants can publish."""

from __future__ import annotations

from typing import Any

TRIAGE = """\
kind: workflow
slug: test-triage
name: Triage
description: Every kind of node
run_roles: [builder]
input:
  type: object
  required: [text]
  properties:
    text: {type: string}
    parts:
      type: array
      items: {type: string}
limits: {concurrency: 20, deadline_ms: 60000}
nodes:
  - id: classify
    kind: agent
    agent: assistant
    task: "Sort this: {{ args.text }}"
    args: {text: input.text}
    output:
      type: object
      required: [area, severity]
      properties:
        area: {type: string, enum: [billing, technical]}
        severity: {type: integer}
    timeout_ms: 20000
    retries: {attempts: 3, backoff_ms: 200}
    on_error: fallback
    fallback: guess
  - id: guess
    kind: transform
    set:
      area: '"billing"'
      severity: "1"
  - id: route
    kind: router
    by: args.area
    args: {area: classify.area}
    routes:
      billing: [billing]
      technical: [each_part]
  - id: billing
    kind: agent
    agent: helpdesk
    args: {text: input.text}
    on_error: continue
  - id: each_part
    kind: map
    over: {from: input.parts, default: []}
    concurrency: 5
    args: {severity: classify.severity}
    nodes:
      - id: look
        kind: agent
        agent: helpdesk
        task: "Part {{ args.number }}: {{ args.part }}"
        args: {part: item, number: index}
      - id: enough
        kind: condition
        when: args.severity > 3
        args: {severity: args.severity}
        then: [note]
      - id: note
        kind: tool
        tool: create_note
        args: {text: look.text}
    result: {text: look.text}
  - id: checks
    kind: parallel
    wait_for: all
    nodes:
      - id: sum
        kind: tool
        tool: calculator
        args: {expression: {value: "1 + 1"}}
      - id: clock
        kind: tool
        tool: current_time
  - id: severe
    kind: condition
    when: args.severity >= 4
    args: {severity: classify.severity}
    then: [sign_off]
    else: [pause]
  - id: sign_off
    kind: human
    message: "Severity {{ args.severity }}. Go on?"
    args: {severity: classify.severity}
    roles: [approver]
  - id: pause
    kind: wait
    seconds: 1.5
  - id: draft
    kind: loop
    times: 3
    until: args.tries > 0 && last.review.text == "good"
    args:
      tries: {value: 1}
      answer: {first: [billing.text, each_part.items], default: none}
    nodes:
      - id: write
        kind: agent
        agent: assistant
        args: {before: {from: last.review.text, default: ""}, answer: args.answer}
      - id: review
        kind: agent
        agent: assistant
        args: {text: write.text}
    result: {text: write.text}
result:
  answer: draft.result.text
  severity: classify.severity
output:
  type: object
  required: [answer]
  properties:
    answer: {type: string}
    severity: {type: number}
"""


def graph(*nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A graph of these nodes; those without a kind are agents that are asked something."""
    return {"nodes": [completed(node) for node in nodes], **more}


def completed(node: dict[str, Any]) -> dict[str, Any]:
    if "kind" in node:
        return node
    return {"kind": "agent", "agent": "assistant", "task": "Do it", **node}
