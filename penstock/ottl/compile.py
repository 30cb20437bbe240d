"""Syntax to expressions: names are looked up, and arguments checked as far as they are known."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from penstock.ottl import syntax
from penstock.ottl.arithmetic import Arithmetic, negated
from penstock.ottl.conditions import COMPARISONS, Both, Comparison, Either, Holds, Not
from penstock.ottl.contexts import ENUMS, EVENTS, Scope
from penstock.ottl.errors import StatementError, hint
from penstock.ottl.evaluate import Apply, ApplyAtOnce, ApplyToItems, Constant, OfDraft
from penstock.ottl.fields import entry
from penstock.ottl.functions.catalog import CONVERTERS, NOT_HERE
from penstock.ottl.functions.hashes import FOR_ITEMS
from penstock.ottl.functions.strings import is_match
from penstock.ottl.functions.telemetry import CONTEXTS
from penstock.ottl.paths import Target, resolve
from penstock.ottl.signature import FUNCTION, Kind, Parameter, parameters
from penstock.ottl.values import Fault, is_number, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from penstock.ottl.conditions import Condition
    from penstock.ottl.evaluate import Expression
    from penstock.ottl.syntax import Node

_LOGICAL: dict[str, type[Both | Either]] = {"and": Both, "or": Either}
Bound = tuple[Parameter, "Node | None"]
"""A parameter, and what it is given; `None` where its default is."""


class Compiler:
    """Compiles what is about a scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.contexts = {scope.context} if scope.context else set[str]()
        """What was compiled is about these."""

    @property
    def of_events(self) -> bool:
        """Whether what was compiled is about span events."""
        return EVENTS in self.contexts

    def condition(self, node: Node) -> Condition:
        """A condition. Raises `StatementError`."""
        if isinstance(node, syntax.Binary) and node.operator in _LOGICAL:
            both = _LOGICAL[node.operator]
            return both(self.condition(node.left), self.condition(node.right))
        if isinstance(node, syntax.Binary) and node.operator in COMPARISONS:
            return Comparison(node.operator, self.value(node.left), self.value(node.right))
        if isinstance(node, syntax.Unary) and node.operator == "not":
            return Not(self.condition(node.operand))
        if isinstance(node, syntax.Call) or (
            isinstance(node, syntax.Literal) and isinstance(node.value, bool)
        ):
            return Holds(self.value(node))
        problem = "expected a condition: a comparison, a converter, true or false"
        raise StatementError(node.at, problem)

    def value(self, node: Node) -> Expression:  # noqa: PLR0911  (a kind of node each)
        """A value. Raises `StatementError`."""
        match node:
            case syntax.Literal():
                return Constant(node.value)
            case syntax.Symbol():
                return Constant(_enum(node))
            case syntax.Path():
                return self.target(node)
            case syntax.Call():
                return self._indexed(self._call(node), node.keys)
            case syntax.ListOf():
                return _gathered(lambda *items: list(items), map(self.value, node.items))
            case syntax.MapOf():
                keys = [key for key, _ in node.items]
                values = (self.value(item) for _, item in node.items)
                return _gathered(lambda *items: dict(zip(keys, items, strict=True)), values)
            case syntax.Unary(operator="+" | "-"):
                return self._signed(node)
            case syntax.Binary() if node.operator in "+-*/":
                return Arithmetic(node.operator, self.value(node.left), self.value(node.right))
        raise StatementError(node.at, "expected a value, found a condition")

    def target(self, path: syntax.Path) -> Target:
        """What a path leads to. Raises `StatementError`."""
        keys = tuple(tuple(map(self.value, segment.keys)) for segment in path.segments)
        target = resolve(path, keys, self._scope)
        self.contexts.add(target.text.partition(".")[0])
        return target

    def bind(self, call: syntax.Call, expected: tuple[Parameter, ...]) -> list[Bound]:
        """The arguments of a call by parameter. Raises `StatementError`."""
        given: dict[str, Node] = {}
        for place, argument in enumerate(call.arguments):
            parameter = _parameter(call, argument, place, expected)
            if parameter.name in given:
                raise StatementError(argument.at, f"`{parameter.name}` is given twice")
            given[parameter.name] = argument.value
        for parameter in expected:
            if parameter.required and parameter.name not in given:
                known = ", ".join(one.name for one in expected)
                problem = f"`{call.name}({known})` needs `{parameter.name}`"
                raise StatementError(call.at, problem)
        return [(parameter, given.get(parameter.name)) for parameter in expected]

    def literal(self, node: Node, kind: Kind) -> Any:
        """What is known already. Raises `StatementError`."""
        if kind is FUNCTION:
            return _function(node)
        try:
            return kind.check(_known(self.value(node), node, kind))
        except (Fault, ValueError) as error:
            raise StatementError(node.at, str(error)) from None

    def _signed(self, node: syntax.Unary) -> Expression:
        operand = self.value(node.operand)
        if node.operator == "+":
            return operand
        if isinstance(operand, Constant) and not is_number(operand.value):
            raise StatementError(node.at, f"`-` of {kind_of(operand.value)}")
        return _gathered(negated, [operand])

    def _indexed(self, value: Expression, keys: tuple[Node, ...]) -> Expression:
        for key in keys:
            value = Apply(entry, (value, self.value(key)))
        return value

    def _call(self, call: syntax.Call) -> Expression:
        if call.name in CONTEXTS:
            return self._of_draft(call)
        if call.name in FOR_ITEMS:
            self.bind(call, ())
            return ApplyToItems(FOR_ITEMS[call.name])
        function = _converter(call)
        bound = self.bind(call, parameters(function))
        fixed = {
            parameter.name: self.literal(node, parameter.kind)
            for parameter, node in bound
            if node is not None and isinstance(parameter.kind, Kind) and parameter.kind.literal
        }
        taken = [
            (parameter, self._argument(parameter, node))
            for parameter, node in bound
            if node is not None and parameter.name not in fixed
        ]
        if function is is_match:
            return ApplyAtOnce(partial(function, **fixed), taken[0][1])
        names = [parameter.name for parameter, _ in taken]
        kinds = [parameter.kind for parameter, _ in taken]
        return Apply(_checked(function, names, kinds, fixed), tuple(value for _, value in taken))

    def _argument(self, parameter: Parameter, node: Node) -> Expression:
        """The value for a parameter; a literal that it can never take is refused."""
        expression = self.value(node)
        if isinstance(expression, Constant) and isinstance(parameter.kind, Kind):
            try:
                parameter.kind.check(expression.value)
            except (Fault, ValueError) as error:
                raise StatementError(node.at, f"`{parameter.name}`: {error}") from None
        return expression

    def _of_draft(self, call: syntax.Call) -> Expression:
        context, function = CONTEXTS[call.name]
        if context not in self._scope.known or self._scope.context not in {None, context}:
            raise StatementError(call.at, f"`{call.name}` is for the context {context}")
        bound = self.bind(call, parameters(function)[1:])
        fixed = {
            parameter.name: self.literal(node, parameter.kind)
            for parameter, node in bound
            if node is not None and isinstance(parameter.kind, Kind)
        }
        return OfDraft(partial(function, **fixed))


def _gathered(function: Callable[..., Any], values: Iterable[Expression]) -> Expression:
    """A function of values; of literals it is a literal itself."""
    expressions = tuple(values)
    known = [value.value for value in expressions if isinstance(value, Constant)]
    if len(known) == len(expressions):
        return Constant(function(*known))
    return Apply(function, expressions)


def _known(value: Expression, node: Node, kind: Kind) -> Any:
    if not isinstance(value, Constant):
        raise StatementError(node.at, f"expected {kind.words} that is written here: a literal")
    return value.value


def _enum(symbol: syntax.Symbol) -> int:
    if symbol.name in ENUMS:
        return ENUMS[symbol.name]
    if symbol.name in CONVERTERS:
        raise StatementError(symbol.at, f"`{symbol.name}` needs its arguments in brackets")
    problem = f"`{symbol.name}` is no enum{hint(symbol.name, [*ENUMS, *CONVERTERS])}"
    raise StatementError(symbol.at, problem)


def _converter(call: syntax.Call) -> Callable[..., Any]:
    if call.name in CONVERTERS:
        return CONVERTERS[call.name]
    if call.name in NOT_HERE:
        problem = f"`{call.name}` is not supported: {NOT_HERE[call.name]}"
        raise StatementError(call.at, problem)
    known = [*CONVERTERS, *CONTEXTS, *FOR_ITEMS]
    raise StatementError(call.at, f"there is no converter `{call.name}`{hint(call.name, known)}")


def _function(node: Node) -> Callable[[str], Any]:
    if not isinstance(node, syntax.Symbol) or node.name not in CONVERTERS:
        raise StatementError(node.at, "expected the name of a converter, such as SHA256")
    function = CONVERTERS[node.name]
    if sum(parameter.required for parameter in parameters(function)) != 1:
        raise StatementError(node.at, f"`{node.name}` takes more than a string")
    return function


def _parameter(
    call: syntax.Call, argument: syntax.Argument, place: int, expected: tuple[Parameter, ...]
) -> Parameter:
    if argument.name is None:
        if place >= len(expected):
            problem = f"`{call.name}` takes {len(expected)} arguments, found {len(call.arguments)}"
            raise StatementError(argument.at, problem)
        if any(earlier.name for earlier in call.arguments[:place]):
            raise StatementError(argument.at, "arguments without a name come before named ones")
        return expected[place]
    for parameter in expected:
        if parameter.is_called(argument.name):
            return parameter
    names = [parameter.name for parameter in expected]
    problem = f"`{call.name}` has no argument `{argument.name}`{hint(argument.name, names)}"
    raise StatementError(argument.at, problem)


def _checked(
    function: Callable[..., Any], names: list[str], kinds: list[Any], fixed: dict[str, Any]
) -> Callable[..., Any]:
    """A function of values, which are checked first."""
    takes = [one.name for one in parameters(function)]
    if takes[: len(names)] != names:
        return lambda *values: function(
            **{
                name: kind.check(value)
                for name, kind, value in zip(names, kinds, values, strict=True)
            },
            **fixed,
        )
    known = partial(function, **fixed) if fixed else function
    if all(kind.takes_all for kind in kinds):
        return known
    checks = [kind.check for kind in kinds]
    if len(checks) == 1:
        check = checks[0]
        return lambda value: known(check(value))
    return lambda *values: known(
        *[check(value) for check, value in zip(checks, values, strict=True)]
    )
