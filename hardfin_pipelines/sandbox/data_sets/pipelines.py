"""The sales processes that the data sets use."""

from decimal import Decimal

from hardfin_pipelines.sandbox.data_sets.model import Pipeline, Stage


def _open(key: str, label: str, probability: str) -> Stage:
    return Stage(key=key, label=label, probability=Decimal(probability), closed=False)


def _won(key: str, label: str) -> Stage:
    return Stage(key=key, label=label, probability=Decimal(1), closed=True)


def _lost(key: str, label: str) -> Stage:
    return Stage(key=key, label=label, probability=Decimal(0), closed=True)


SALES_PIPELINE = Pipeline(
    key="default",
    label="Sales Pipeline",
    stages=(
        _open("appointmentscheduled", "Appointment Scheduled", "0.2"),
        _open("qualifiedtobuy", "Qualified To Buy", "0.4"),
        _open("presentationscheduled", "Presentation Scheduled", "0.6"),
        _open("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
        _open("contractsent", "Contract Sent", "0.9"),
        _won("closedwon", "Closed Won"),
        _lost("closedlost", "Closed Lost"),
    ),
)
"""A new account's only pipeline, with the stages it starts with."""

SERVICE_RENEWALS = Pipeline(
    key="servicerenewals",
    label="Service renewals",
    stages=(
        _open("renewaldue", "Renewal due", "0.5"),
        _open("inconversation", "In conversation", "0.6"),
        _open("quotesent", "Quote sent", "0.8"),
        _won("contractsigned", "Contract signed"),
        _lost("notrenewed", "Not renewed"),
    ),
)
"""A pipeline of one's own, whose won stage says neither "closed" nor "won"."""
