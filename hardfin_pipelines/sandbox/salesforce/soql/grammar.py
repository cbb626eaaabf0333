"""SOQL's grammar (Salesforce docs: SOQL and SOSL reference).

AND and OR may not be mixed without parentheses, as in Salesforce.
"""

GRAMMAR = r"""
start: query

query: SELECT select_list FROM path alias? scope? where? group? having? order? limit? offset? purpose?

select_list: _select_item ("," _select_item)*
_select_item: selected | sub_query
selected: expression alias?
sub_query: "(" query ")"
alias: NAME

?expression: path | call
path: NAME ("." NAME)*
call: NAME "(" [expression] ")"

scope: "USING"i "SCOPE"i NAME
where: "WHERE"i _condition
having: "HAVING"i _condition
_condition: all_of | any_of | _simple
all_of: _simple ("AND"i _simple)+
any_of: _simple ("OR"i _simple)+
_simple: "(" _condition ")" | negated | comparison
negated: NOT _simple

comparison: expression OPERATOR value            -> compared
    | expression LIKE value                      -> compared
    | expression IN _values                      -> in_values
    | expression NOT IN _values                  -> not_in_values
    | expression INCLUDES "(" value_list ")"     -> multi_picklist
    | expression EXCLUDES "(" value_list ")"     -> multi_picklist
_values: "(" value_list ")" | sub_query
value_list: value ("," value)*

value: STRING | DATETIME | DATE | NUMBER | MONEY | date_literal
date_literal: NAME (":" NUMBER)?

group: "GROUP"i "BY"i expression ("," expression)*
order: "ORDER"i "BY"i ordered ("," ordered)*
ordered: expression (ASC | DESC)? ("NULLS"i (FIRST | LAST))?
limit: "LIMIT"i NUMBER
offset: "OFFSET"i NUMBER
purpose: "FOR"i NAME ("," NAME)*

SELECT: "SELECT"i
FROM: "FROM"i
NOT: "NOT"i
IN: "IN"i
LIKE: "LIKE"i
INCLUDES: "INCLUDES"i
EXCLUDES: "EXCLUDES"i
ASC: "ASC"i
DESC: "DESC"i
FIRST: "FIRST"i
LAST: "LAST"i
OPERATOR: "<=" | ">=" | "!=" | "<>" | "=" | "<" | ">"
STRING: /'(?:[^'\\]|\\.)*'/s
DATETIME.4: /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})/i
DATE.3: /\d{4}-\d{2}-\d{2}/
NUMBER.2: /[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?/
MONEY.2: /[A-Z]{3}\d+(\.\d+)?/
NAME: /(?!(from|select|where|and|or|like)\b)[a-z_][a-z0-9_]*/i

%import common.WS
%ignore WS
"""
