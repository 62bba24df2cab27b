"""What archives ask of an animal beyond the Element's columns."""

from __future__ import annotations

import re

from ..database.connection import dj
from ..elements.translation import import_element
from ..errors import ManifestError, did_you_mean

schema = dj.Schema()
subject = import_element("element_animal.subject")

#: What a species is called in a laboratory, and what an archive calls it.
SPECIES = {
    "mouse": "Mus musculus",
    "rat": "Rattus norvegicus",
    "human": "Homo sapiens",
    "rhesus macaque": "Macaca mulatta",
    "marmoset": "Callithrix jacchus",
    "zebra finch": "Taeniopygia guttata",
    "mongolian gerbil": "Meriones unguiculatus",
}

_SPECIES_FORM = re.compile(r"[A-Z][a-z]+ [a-z]+( [a-z]+)?|http://purl\.obolibrary\.org/obo/NCBITaxon_\d+/?")


@schema
class SubjectDescription(dj.Manual):
    """Species and strain of an animal; what is not known is empty."""

    definition = """
    -> subject.Subject
    ---
    species=''   : varchar(128)   # Latin name, such as Mus musculus, or http://purl.obolibrary.org/obo/NCBITaxon_10090
    strain=''    : varchar(128)   # such as C57BL/6J
    genotype=''  : varchar(255)
    """


def check_species(name: str) -> str:
    """Return a species as archives write it.

    Raises
    ------
    ManifestError
        It is neither a Latin name nor an entry of the NCBI taxonomy.
    """
    if _SPECIES_FORM.fullmatch(name):
        return name
    latin = SPECIES.get(name.lower())
    otherwise = "write its Latin name, such as Mus musculus, or its address in the NCBI taxonomy."
    hint = f"did you mean '{latin}'?" if latin else did_you_mean(name, SPECIES.values(), otherwise)
    raise ManifestError(f"species is '{name}'; {hint}")
