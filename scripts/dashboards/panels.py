"""How the panels of all dashboards look: sizes, colours, units, words for numbers, links."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common as choices
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")

GOOD, NOTICE, WARNING, CRITICAL, NEUTRAL = "green", "blue", "orange", "red", "text"

NEUTRAL_BAND = "#5a5a5a"

STATES = {
    "open": GOOD,
    "closed": "#8e8e8e",
    "blocked": CRITICAL,
    "unreachable": "purple",
    "rejecting": WARNING,
    "broken": "#c4162a",
    "unknown": NOTICE,
    "not_offered": NEUTRAL_BAND,
}
"""A colour for each state, the same on every dashboard."""

LEVELS = {
    "0": ("0 none reachable", CRITICAL),
    "1": ("1 plaintext only", CRITICAL),
    "2": ("2 TLS 1.1, or not verified", WARNING),
    "3": ("3 TLS 1.2", "yellow"),
    "4": ("4 TLS 1.3", GOOD),
    "5": ("5 DANE or MTA-STS too", "dark-green"),
}
YES_NO = {"0": ("no", CRITICAL), "1": ("yes", GOOD)}
IS_TROUBLE = {"0": ("no", GOOD), "1": ("yes", CRITICAL)}


def query(expr: str, legend: str = "__auto", ref: str = "A") -> Dataquery:
    """A query over the time range."""
    return Dataquery().expr(expr).legend_format(legend).ref_id(ref).datasource(SOURCE).range()


def instant(expr: str, legend: str = "__auto", ref: str = "A") -> Dataquery:
    """A query for now, one row a series."""
    asked = Dataquery().expr(expr).legend_format(legend).ref_id(ref).datasource(SOURCE).instant()
    return asked.format(PromQueryFormat.TABLE)


def words(values: Mapping[str, tuple[str, str]]) -> list[models.ValueMapping]:
    """Words and colours for numbers."""
    return [
        models.ValueMap(
            {
                value: models.ValueMappingResult(text=text, color=colour, index=index)
                for index, (value, (text, colour)) in enumerate(values.items())
            }
        )
    ]


def steps(base: str, *further: tuple[float, str]) -> builders.ThresholdsConfig:
    """Colours by value: base below the first step."""
    thresholds = [models.Threshold(value=None, color=base)]
    thresholds += [models.Threshold(value=value, color=colour) for value, colour in further]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(thresholds)


def link(title: str, url: str) -> builders.DashboardLink:
    """A way from a value to where more is told."""
    return builders.DashboardLink(title).url(url)


def number(
    title: str, description: str, expr: str, thresholds: builders.ThresholdsConfig, *, unit: str = "none"
) -> stat.Panel:
    """One number, with its colour."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .with_target(query(expr))
        .unit(unit)
        .thresholds(thresholds)
        .color_mode(choices.BigValueColorMode.VALUE)
        .graph_mode(choices.BigValueGraphMode.NONE)
        .reduce_options(options.ReduceDataOptions().calcs(["lastNotNull"]))
        .no_value("0")
        .span(4)
        .height(4)
    )


def word(title: str, description: str, expr: str, mappings: Mapping[str, tuple[str, str]]) -> stat.Panel:
    """One number that stands for a word."""
    return number(title, description, expr, steps(NEUTRAL)).mappings(words(mappings)).no_value("not known")


def label_text(title: str, description: str, expr: str, legend: str) -> stat.Panel:
    """The text in a label of an _info series."""
    return (
        number(title, description, expr, steps(NEUTRAL))
        .text_mode(choices.BigValueTextMode.NAME)
        .targets([query(expr, legend).instant()])
        .no_value("not known")
    )


def lines(
    title: str, description: str, targets: Sequence[Dataquery], *, unit: str = "none", stacked: bool = False
) -> timeseries.Panel:
    """Values over time."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .targets(list(targets))
        .unit(unit)
        .min(0)
        .line_width(1)
        .fill_opacity(60 if stacked else 8)
        .show_points(choices.VisibilityMode.NEVER)
        .legend(
            options.VizLegendOptions()
            .display_mode(choices.LegendDisplayMode.LIST)
            .placement(choices.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(options.VizTooltipOptions().mode(choices.TooltipDisplayMode.MULTI))
        .span(12)
        .height(8)
    )
    if stacked:
        panel.stacking(options.StackingConfig().mode(choices.StackingMode.NORMAL))
    return panel


def rows(
    title: str,
    description: str,
    targets: Sequence[Dataquery],
    columns: Mapping[str, str],
    *,
    sort: str,
) -> table.Panel:
    """A table: columns names the fields that are shown, in their order, and their headings; others are hidden."""
    shown = {
        "includeByName": dict.fromkeys(columns, True),
        "indexByName": {name: index for index, name in enumerate(columns)},
        "renameByName": dict(columns),
    }
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .targets(list(targets))
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(models.DataTransformerConfig(id_val="organize", options=shown))
        .sort_by([options.TableSortByFieldState().display_name(sort).desc(False)])
        .thresholds(steps(NEUTRAL))
        .no_value("none")
        .span(24)
        .height(9)
    )


def column(panel: table.Panel, heading: str, **properties: object) -> None:
    """Give one column of a table its unit, words, links or width."""
    names = {"cell": "custom.cellOptions", "width": "custom.width"}
    values = [models.DynamicConfigValue(names.get(name, name), value) for name, value in properties.items()]
    panel.override_by_name(heading, values)


def coloured(mappings: Mapping[str, tuple[str, str]]) -> dict[str, object]:
    """The properties of a column whose numbers are words in colour."""
    return {"mappings": words(mappings), "cell": {"type": "color-text"}}


def bars(
    title: str, description: str, expr: str, legend: str, thresholds: builders.ThresholdsConfig, *, unit: str
) -> bargauge.Panel:
    """Values now, side by side."""
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .with_target(query(expr, legend).instant())
        .unit(unit)
        .min(0)
        .thresholds(thresholds)
        .orientation(choices.VizOrientation.HORIZONTAL)
        .display_mode(choices.BarGaugeDisplayMode.BASIC)
        .reduce_options(options.ReduceDataOptions().calcs(["lastNotNull"]))
        .span(12)
        .height(8)
    )


def band(
    title: str,
    description: str,
    targets: Sequence[Dataquery],
    mappings: Mapping[str, tuple[str, str]],
) -> statetimeline.Panel:
    """What held when, as bands of colour."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .targets(list(targets))
        .mappings(words(mappings))
        .show_value(choices.VisibilityMode.NEVER)
        .merge_values(True)
        .thresholds(steps(NEUTRAL))
        .span(24)
        .height(8)
    )


def paint(panel: timeseries.Panel, name: str, colour: str) -> None:
    """Give the series of this name a colour that it keeps everywhere."""
    fixed = {"mode": "fixed", "fixedColor": colour}
    panel.override_by_name(name, [models.DynamicConfigValue("color", fixed)])
