"""A contract for import-linter that speaks of roles: what a module may import follows from its name."""

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class RoleContract(Contract):
    """Modules with a role, and everything in some packages, never import certain modules themselves.

    The role is the last word of a module's name: ``care.check_ins.commands`` has the role ``commands``, and so has
    ``care.alerts.signal_commands``. import-linter's own wildcards match whole names only.
    """

    type_name = "roles"

    roles = fields.SetField(subfield=fields.StringField())
    packages = fields.SetField(subfield=fields.StringField())
    forbidden_modules = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002 - import-linter's own
        """Look at every module of ours, so that a new one is held to its role without being listed."""
        bound = [name for name in sorted(graph.modules) if self._is_bound(name)]
        found = [
            (name, imported)
            for name in bound
            for imported in sorted(graph.find_modules_directly_imported_by(name))
            if imported.partition(".")[0] in self._names(self.forbidden_modules)
        ]
        return ContractCheck(kept=bool(bound) and not found, metadata={"bound": len(bound), "found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Say which module imports what."""
        if not check.metadata["bound"]:
            output.print_error("No module has any of these roles: are they still called so?")
        for importer, imported in check.metadata["found"]:
            output.print_error(f"{importer} imports {imported}, which its role forbids.")

    def _is_bound(self, name: str) -> bool:
        role = name.rpartition(".")[2].rpartition("_")[2]
        return role in self._names(self.roles) or any(
            f"{name}.".startswith(f"{package}.") for package in self._names(self.packages)
        )

    def _names(self, given: Any) -> set[str]:  # noqa: ANN401 - a field, which parsing has turned into its value
        return set(given)
