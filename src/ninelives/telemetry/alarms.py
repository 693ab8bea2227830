"""CloudWatch's alarms at work: evaluated on their periods against the metrics, set by hand, told to whoever asks.

The region's time scale divides an alarm's period: with 60, a data point of a "60 seconds" alarm is a second of the clock, and
its sums count what fell into that second (``docs/decisions/0018``).
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ninelives.model.alarms import (
    Alarm,
    AlarmState,
    CompositeAlarm,
    HistoryItem,
    HistoryItemType,
    MetricAlarm,
    TreatMissingData,
)
from ninelives.model.cloudwatch import AlarmFacts, StateValue
from ninelives.model.metrics import MetricStat
from ninelives.model.timing import Timing
from ninelives.monitoring import (
    INITIAL,
    Datapoint,
    Evaluation,
    QueriesInvalid,
    TimeSeries,
    alarm_name,
    alarms_in,
    evaluate_alarm,
    evaluation_range,
    few_samples,
    holds,
    period_start,
    periods_before,
    read_rule,
    read_statistic,
    state_reason,
    state_reason_data,
    statistic_of,
)
from ninelives.telemetry import alarm_wording
from ninelives.telemetry.alarm_actions import REPEATED_EVERY, Actions
from ninelives.telemetry.alarm_records import AlarmRecords
from ninelives.telemetry.metric_queries import answer, distributions
from ninelives.telemetry.metric_store import MetricStore

log = logging.getLogger(__name__)

LATENESS: Final = timedelta(seconds=1)
"""How long after the end of a period its data may still come in; a period is looked at no earlier. In real time."""
SHORTEST_STEP: Final = timedelta(seconds=0.25)
EVALUATED_EVERY: Final = timedelta(minutes=1)
"""How often an alarm is evaluated at least, in the region's time: late data counts, and a state set by hand does not last."""

Changed = Callable[[Alarm, AlarmState], object]
"""Is told an alarm that has changed its state, and the state before."""


class Alarms:
    """Source of ``subscribe`` and ``facts``: ``region.ports.Alarms``. All on the region's event loop."""

    def __init__(
        self,
        records: AlarmRecords,
        metrics: MetricStore,
        *,
        now: Callable[[], datetime],
        timing: Timing,
        actions: Actions,
    ) -> None:
        self._records = records
        self._metrics = metrics
        self._now = now
        self._timing = timing
        self._actions = actions
        self._subscribers: list[Callable[[], None]] = []
        self._watchers: list[Changed] = []
        self._since = now()
        self._evaluated_at: dict[str, datetime] = {}
        """Up to when each metric alarm was evaluated last; a new one is not in it."""
        self._newest: dict[str, float | None] = {}
        """The newest data point that each metric alarm was evaluated by."""

    # What others see.

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Called on the loop whenever an answer of ``facts`` has changed."""
        self._subscribers.append(changed)

    def watch(self, changed: Changed) -> None:
        """Called on the loop with each alarm that has changed its state."""
        self._watchers.append(changed)

    def facts(self, name: str) -> AlarmFacts | None:
        """What a deployment needs to know of an alarm, by name or ARN; None where there is none."""
        alarm = self.find(name)
        return None if alarm is None else AlarmFacts(name=alarm.name, state=alarm.state.value, span=self._span(alarm))

    def _span(self, alarm: Alarm) -> timedelta:
        """In the region's time: what ``Timing.scaled`` makes of it is the clock's."""
        if isinstance(alarm, CompositeAlarm):
            spans = [self._span(one) for one in self._metric_alarms_below(alarm, set())]
            return max(spans, default=timedelta())
        return alarm.period * (alarm.evaluation_periods + 1) + LATENESS * 2 * self._timing.time_scale

    def _metric_alarms_below(self, alarm: CompositeAlarm, seen: set[str]) -> Iterator[MetricAlarm]:
        """Those that a composite alarm looks at, through others too; composite alarms may look at each other in a circle."""
        seen.add(alarm.name)
        for name in alarms_in(read_rule(alarm.rule)):
            found = self.find(name)
            if isinstance(found, MetricAlarm):
                yield found
            elif found is not None and found.name not in seen:
                yield from self._metric_alarms_below(found, seen)

    def find(self, name_or_arn: str) -> Alarm | None:
        return self._records.alarms.get(alarm_name(name_or_arn))

    def all(self) -> list[Alarm]:
        """Every alarm, by name."""
        return sorted(self._records.alarms.values(), key=lambda alarm: alarm.name)

    def recent_points(self, alarm: Alarm) -> Sequence[Datapoint]:
        """The periods that an alarm evaluates, the oldest first. Of a composite alarm, and of one that cannot be evaluated,
        there are none.
        """
        if isinstance(alarm, CompositeAlarm):
            return ()
        try:
            points = self._points(alarm, self._now() - LATENESS)
        except QueriesInvalid:
            return ()
        return (points or ())[-alarm.evaluation_periods :]

    def history(self, name: str | None) -> Iterable[HistoryItem]:
        """The newest line first."""
        return self._records.history(name, now=self._now())

    # What is asked for.

    def unchecked(self) -> AlarmState:
        """The state of an alarm that was not evaluated yet."""
        now = self._now()
        return AlarmState(value=StateValue.INSUFFICIENT_DATA, reason=INITIAL, updated_at=now, transitioned_at=now)

    def put(self, alarm: Alarm) -> None:
        """Create an alarm, or give it another configuration: its state and its tags stay, and it is evaluated afresh."""
        before = self._records.alarms.get(alarm.name)
        if before is not None:
            if type(before) is not type(alarm):
                self._records.delete(before)
            alarm = replace(alarm, state=before.state, tags=before.tags)
        self._records.put(alarm)
        self._evaluated_at.pop(alarm.name, None)
        verb = "created" if before is None else "updated"
        self._tell(alarm, HistoryItemType.CONFIGURATION_UPDATE, f'Alarm "{alarm.name}" {verb}',
                   alarm_wording.configuration_update(alarm, before))  # fmt: skip
        if isinstance(alarm, CompositeAlarm):
            self._evaluate_composites()

    def replace_record(self, alarm: Alarm) -> None:
        """Keep what changes neither state nor evaluation: tags."""
        self._records.put(alarm)

    def delete(self, alarm: Alarm) -> None:
        self._records.delete(alarm)
        self._evaluated_at.pop(alarm.name, None)
        self._newest.pop(alarm.name, None)
        self._actions.forget(alarm.name)
        self._tell(alarm, HistoryItemType.CONFIGURATION_UPDATE, f'Alarm "{alarm.name}" deleted',
                   alarm_wording.configuration_update(None, alarm))  # fmt: skip
        self._ring()
        self._evaluate_composites()

    def enable_actions(self, alarm: Alarm, *, enabled: bool) -> None:
        if alarm.actions.enabled == enabled:
            return
        changed = replace(alarm, actions=replace(alarm.actions, enabled=enabled))
        self._records.put(changed)
        self._tell(alarm, HistoryItemType.CONFIGURATION_UPDATE, f'Alarm "{alarm.name}" updated',
                   alarm_wording.configuration_update(changed, alarm))  # fmt: skip

    def set_state(self, alarm: Alarm, value: StateValue, reason: str, reason_data: str | None) -> None:
        """SetAlarmState: at once, until the next evaluation finds something else."""
        self._enter(alarm, value, reason, reason_data, is_set=True)
        self._evaluate_composites()

    # Evaluation.

    async def run(self) -> None:
        """Evaluate for ever."""
        step = max(SHORTEST_STEP, self._timing.tick)
        while True:
            try:
                self.evaluate()
            except Exception:
                log.exception("the alarms could not be evaluated; they are tried again")
            await asyncio.sleep(self._until_next(step).total_seconds())

    def _until_next(self, step: timedelta) -> timedelta:
        """Until just after the next step's end and the lateness that is allowed for."""
        now = self._now() - LATENESS
        return max(SHORTEST_STEP, period_start(now, step) + step - now)

    def evaluate(self) -> None:
        """Evaluate each alarm for which a period has ended, or that was not evaluated for a minute."""
        end = self._now() - LATENESS
        for alarm in self.all():
            if isinstance(alarm, MetricAlarm) and self._is_due(alarm, end):
                self._evaluated_at[alarm.name] = end
                self._evaluate(alarm, end)
        self._evaluate_composites()
        self._repeat_actions()

    def _repeat_actions(self) -> None:
        every = self._timing.scaled(REPEATED_EVERY)
        for alarm in self.all():
            if alarm.actions.enabled:
                self._actions.repeat(alarm, self._newest.get(alarm.name), self._acted, now=self._now(), every=every)

    def _is_due(self, alarm: MetricAlarm, end: datetime) -> bool:
        last = self._evaluated_at.get(alarm.name)
        if last is None:
            return True
        every = self._timing.scaled(min(alarm.period, EVALUATED_EVERY))
        return period_start(last, every) != period_start(end, every)

    def _evaluate(self, alarm: MetricAlarm, end: datetime) -> None:
        try:
            points = self._points(alarm, end)
        except QueriesInvalid as error:
            log.warning("alarm %s cannot be evaluated: %s", alarm.name, error)
            return
        judged = self._in_doubt(alarm, end)
        evaluation = Evaluation(state=None, breaching=(), within=(), missing=0, evaluated=())
        if points is not None:
            evaluation = evaluate_alarm(judged, points)
            self._newest[alarm.name] = next((one.value for one in evaluation.evaluated if one.value is not None), None)
        if evaluation.state is None:
            if alarm.state.is_set:  # Nothing is known against it; it holds.
                self._records.put(replace(alarm, state=replace(alarm.state, is_set=False)))
            return
        if evaluation.state is alarm.state.value and not alarm.state.is_set:
            return
        reason, data = state_reason(judged, evaluation), state_reason_data(judged, evaluation, self._now())
        self._enter(alarm, evaluation.state, reason, data)

    def _in_doubt(self, alarm: MetricAlarm, end: datetime) -> MetricAlarm:
        """``alarm``; its missing data is ignored for as long as periods in which there was no control plane are among those
        that it evaluates: that nothing was heard then says nothing.
        """
        period = self._timing.scaled(alarm.period)
        first = periods_before(end, period, alarm.evaluation_periods)[0]
        if first >= self._since or alarm.configured_at >= self._since:
            return alarm
        return replace(alarm, treat_missing_data=TreatMissingData.IGNORE)

    def _points(self, alarm: MetricAlarm, end: datetime) -> Sequence[Datapoint] | None:
        """The periods of the evaluation range, the oldest first; None where too few samples are not to be judged."""
        period = self._timing.scaled(alarm.period)
        starts = periods_before(end, period, evaluation_range(alarm))
        if isinstance(alarm.watched, MetricStat):
            return self._points_of_metric(alarm, alarm.watched, starts)
        found = answer(self._metrics, alarm.watched, starts[0], starts[-1] + period, time_scale=self._timing.time_scale)
        (series,) = found.values()
        values = (series[0] if series else TimeSeries(values={})).values
        return [Datapoint(at=at, value=values.get(at)) for at in starts]

    def _points_of_metric(
        self, alarm: MetricAlarm, stat: MetricStat, starts: Sequence[datetime]
    ) -> Sequence[Datapoint] | None:
        period = self._timing.scaled(stat.period)
        whole = distributions(self._metrics, stat, starts[0], starts[-1] + period, period=period)
        statistic = read_statistic(stat.stat)
        count = sum(whole[at].sample_count for at in starts[-alarm.evaluation_periods :] if at in whole)
        if alarm.evaluate_low_sample_count_percentile == "ignore" and count and few_samples(statistic, count):
            return None
        return [
            Datapoint(at=at, value=statistic_of(whole[at], statistic), sample_count=whole[at].sample_count)
            if at in whole
            else Datapoint(at=at, value=None)
            for at in starts
        ]

    def _evaluate_composites(self) -> None:
        """Until none changes any more; each looks at others, and circles come to rest after as many rounds as there are."""
        composites = [alarm.name for alarm in self.all() if isinstance(alarm, CompositeAlarm)]
        for _ in composites:
            changed = [self._evaluate_composite(name) for name in composites]
            if not any(changed):
                return

    def _evaluate_composite(self, name: str) -> bool:
        alarm = self._records.alarms[name]
        assert isinstance(alarm, CompositeAlarm)

        def state_of(child: str) -> StateValue | None:
            found = self.find(child)
            return None if found is None else found.state.value

        rule = read_rule(alarm.rule)
        value = StateValue.ALARM if holds(rule, state_of) else StateValue.OK
        if value is alarm.state.value:
            return False
        children = [found for child in alarms_in(rule) if (found := self.find(child)) is not None]
        reason, data = alarm_wording.composite_reason(alarm, value, children)
        self._enter(alarm, value, reason, data)
        return True

    def _enter(self, alarm: Alarm, value: StateValue, reason: str, reason_data: str | None, *, is_set: bool = False) -> None:
        now = self._now()
        before = alarm.state
        is_other = value is not before.value
        state = AlarmState(
            value=value,
            reason=reason,
            reason_data=reason_data,
            updated_at=now,
            transitioned_at=now if is_other else before.transitioned_at,
            is_set=is_set,
        )
        entered = replace(alarm, state=state)
        self._records.put(entered)
        if not is_other:
            return
        log.info("alarm %s: %s -> %s. %s", alarm.name, before.value, value, reason)
        self._tell(entered, HistoryItemType.STATE_UPDATE, f"Alarm updated from {before.value} to {value}",
                   alarm_wording.state_update(before, state))  # fmt: skip
        self._ring()
        self._tell_watchers(entered, before)
        if entered.actions.enabled and entered.actions.of(value):
            self._actions.start(entered, before, self._newest.get(alarm.name), self._acted)

    def _tell_watchers(self, alarm: Alarm, before: AlarmState) -> None:
        """The failure of one is logged, and stops neither the others nor the alarm."""
        for watcher in self._watchers:
            try:
                watcher(alarm, before)
            except Exception:
                log.exception("who watches alarm %s could not be told", alarm.name)

    def _acted(self, alarm: Alarm, summary: str, data: str) -> None:
        self._tell(alarm, HistoryItemType.ACTION, summary, data)

    def _tell(self, alarm: Alarm, kind: HistoryItemType, summary: str, data: str) -> None:
        item = HistoryItem(
            alarm_name=alarm.name,
            alarm_type=type(alarm).__name__,
            at=self._now(),
            type=kind,
            summary=summary,
            data=data,
        )
        self._records.add_history(item)

    def _ring(self) -> None:
        for changed in self._subscribers:
            changed()
