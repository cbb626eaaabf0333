"""Reading the documents of organizations from YAML files."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from hardfin_pipelines.organizations.document import OrganizationDocument, read_document
from hardfin_pipelines.organizations.plans import Plans
from hardfin_pipelines.organizations.problems import ConfigurationError, Problem
from hardfin_pipelines.organizations.yaml_source import parse_yaml


def read_organizations(
    path: Path | str, *, plans: Plans | None = None, today: date | None = None
) -> list[OrganizationDocument]:
    """The organizations of a YAML file, or of all `*.yaml` files of a folder, in the order they stand there.

    A file may hold several YAML documents. Either everything can be used, or nothing is.

    Args:
        path: The file or folder.
        plans: What the plans include; by default those that come with the product.
        today: The last day a start date may be; by default today, where on earth that begins first.

    Raises:
        ConfigurationError: With everything that is wrong in any of the files, one line each.
    """
    path = Path(path)
    documents: list[OrganizationDocument] = []
    problems: list[Problem] = []
    for file in _files(path):
        for read in _read_file(file, plans, today):
            if isinstance(read, Problem):
                problems.append(read)
            else:
                documents.append(read)
    problems.extend(_repeated(documents))
    if problems:
        raise ConfigurationError(problems)
    return documents


def read_text(
    text: str | bytes, source: str = "", *, plans: Plans | None = None, today: date | None = None
) -> list[OrganizationDocument]:
    """The organizations of a YAML text; see `read_organizations`."""
    content = text.encode() if isinstance(text, str) else text
    read = list(_read_content(content, source, plans, today))
    problems = [each for each in read if isinstance(each, Problem)]
    documents = [each for each in read if isinstance(each, OrganizationDocument)]
    problems.extend(_repeated(documents))
    if problems:
        raise ConfigurationError(problems)
    return documents


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.glob("*.yaml") if file.is_file())
        if not files:
            raise ConfigurationError([Problem((), "has no *.yaml file: expected one for each organization", str(path))])
        return files
    return [path]


def _read_file(file: Path, plans: Plans | None, today: date | None) -> Iterator[OrganizationDocument | Problem]:
    try:
        content = file.read_bytes()
    except OSError as error:
        yield Problem((), f"cannot be read: {error.strerror}", file.name)
        return
    yield from _read_content(content, file.name, plans, today)


def _read_content(
    content: bytes, source: str, plans: Plans | None, today: date | None
) -> Iterator[OrganizationDocument | Problem]:
    parsed, problems = parse_yaml(content, source)
    if not parsed and not problems:
        problems.append(Problem((), 'is empty: expected a document that begins with "organization"', source, 1))
    for each in parsed:
        try:
            yield read_document(each.data, source=source, lines=each.lines, plans=plans, today=today)
        except ConfigurationError as error:
            problems.extend(error.problems)
    yield from sorted(problems, key=lambda problem: problem.line or 0)


def _repeated(documents: list[OrganizationDocument]) -> Iterator[Problem]:
    first: dict[str, OrganizationDocument] = {}
    for document in documents:
        slug = document.configuration.organization
        if slug in first:
            other = first[slug]
            where = f"{other.source}:{other.lines.get(('organization',), 1)}" if other.source else "above"
            yield from document.located([Problem(("organization",), f'"{slug}" is configured in {where} already')])
        first.setdefault(slug, document)
