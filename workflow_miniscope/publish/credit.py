"""Whom to cite: the people of a session, and every program that took part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..database.restriction import restricted
from .project import find_project, read_project


@dataclass(frozen=True)
class Reference:
    """Something to cite.

    Attributes
    ----------
    name : str
        Key in a bibliography.
    text : str
        The reference as text.
    fields : dict
        Fields of its BibTeX entry.
    kind : str
        Kind of the entry.
    rrid : str
        Research Resource Identifier; empty where there is none.
    """

    name: str
    text: str
    fields: dict[str, str]
    kind: str = "article"
    rrid: str = ""

    def __str__(self) -> str:
        return self.text + (f" {self.rrid}" if self.rrid else "")

    @property
    def bibtex(self) -> str:
        """The entry for a bibliography."""
        fields = {**self.fields, **({"note": self.rrid} if self.rrid else {})}
        body = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
        return f"@{self.kind}{{{self.name},\n{body}}}"


def _software(name: str, title: str, authors: str, url: str = "", version: str = "", rrid: str = "") -> Reference:
    fields = {"title": title, "author": f"{{{authors}}}"}
    fields |= {"version": version} if version else {}
    fields |= {"url": url} if url else {}
    text = f"{authors}. {title}{' ' + version if version else ''} [computer program].{' ' + url if url else ''}"
    return Reference(name, text, fields, "software", rrid)


def _article(
    name: str, authors: str, title: str, journal: str, volume: str, pages: str, year: str, doi: str
) -> Reference:
    first = authors.split(" and ")[0].split(",")[0]
    others = " et al." if " and " in authors else ""
    fields = {"author": authors, "title": title, "journal": journal}
    fields |= {"volume": volume} if volume else {}
    return Reference(
        name,
        f"{first}{others} {year}. {title}. {journal} {f'{volume}:' if volume else ''}{pages}. https://doi.org/{doi}",
        {**fields, "pages": pages.replace("-", "--"), "year": year, "doi": doi},
    )


DATAJOINT = _software("datajoint", "DataJoint", "DataJoint", "https://datajoint.com", rrid="RRID:SCR_014543")
ELEMENTS = _software(
    "datajoint_elements",
    "DataJoint Elements",
    "DataJoint",
    "https://datajoint.com/docs/elements/",
    rrid="RRID:SCR_021894",
)
# what the Elements ask to be cited
WORKFLOWS = _article(
    "yatsenko2021",
    "Yatsenko, D and Nguyen, T and Shen, S and Gunalan, K and Turner, CA and Guzman, R and Sasaki, M and Sitonic, D "
    "and Reimer, J and Walker, EY and Tolias, AS",
    "DataJoint Elements: Data Workflows for Neurophysiology",
    "bioRxiv",
    "",
    "2021.03.30.437358",
    "2021",
    "10.1101/2021.03.30.437358",
)
NWB = _software("nwb", "Neurodata Without Borders", "The NWB developers", "https://www.nwb.org", rrid="RRID:SCR_015242")
PYNWB = _software("pynwb", "PyNWB", "The NWB developers", "https://pynwb.readthedocs.io", rrid="RRID:SCR_017452")
CNMFE = _article(
    "zhou2018",
    "Zhou, Pengcheng and Resendez, Shanna L. and Rodriguez-Romaguera, Jose and others",
    "Efficient and accurate extraction of in vivo calcium signals from microendoscopic video data",
    "eLife",
    "7",
    "e28728",
    "2018",
    "10.7554/eLife.28728",
)
CAIMAN = _article(
    "giovannucci2019",
    "Giovannucci, Andrea and Friedrich, Johannes and Gunn, Pat and others",
    "CaImAn an open source tool for scalable calcium imaging data analysis",
    "eLife",
    "8",
    "e38173",
    "2019",
    "10.7554/eLife.38173",
)
FACEMAP = _article(
    "syeda2024",
    "Syeda, Atika and Zhong, Lin and Tung, Renee and Long, Will and Pachitariu, Marius and Stringer, Carsen",
    "Facemap: a framework for modeling neural activity based on orofacial tracking",
    "Nature Neuroscience",
    "27",
    "187-195",
    "2024",
    "10.1038/s41593-023-01490-6",
)
CAIMAN_PROGRAM = _software(
    "caiman", "CaImAn", "The CaImAn developers", "https://caiman.readthedocs.io", rrid="RRID:SCR_021152"
)
PYTORCH = _software("pytorch", "PyTorch", "The PyTorch developers", "https://pytorch.org", rrid="RRID:SCR_018536")
# what every result is computed with
PYTHON = _software("python", "Python", "Python Software Foundation", "https://www.python.org", rrid="RRID:SCR_008394")
NUMPY = _software("numpy", "NumPy", "The NumPy developers", "https://numpy.org", rrid="RRID:SCR_008633")
SCIPY = _software("scipy", "SciPy", "The SciPy developers", "https://scipy.org", rrid="RRID:SCR_008058")
OPENCV = _software("opencv", "OpenCV", "The OpenCV developers", "https://opencv.org", rrid="RRID:SCR_015526")
NUMERICAL = (PYTHON, NUMPY, SCIPY, OPENCV)
#: Methods and programs that a program's results stand on.
OF_PROGRAM = {
    "cnmfe": (CNMFE, CAIMAN, *NUMERICAL),
    "caiman": (CAIMAN_PROGRAM, CNMFE, CAIMAN, *NUMERICAL),
    "facemap": (FACEMAP, PYTORCH, *NUMERICAL),
}


@dataclass(frozen=True)
class Credit:
    """Whom to cite.

    Attributes
    ----------
    people : tuple of str
        Experimenters, as far as the database has their names.
    publications : tuple of str
        Those of the sessions' projects.
    references : tuple of Reference
        Programs and methods.
    """

    people: tuple[str, ...]
    publications: tuple[str, ...]
    references: tuple[Reference, ...]

    def __str__(self) -> str:
        lines = [f"Recorded by {'; '.join(self.people)}."] if self.people else []
        lines += [*self.publications, *map(str, self.references)]
        return "\n".join(lines)

    @property
    def bibtex(self) -> str:
        """A bibliography."""
        return "\n\n".join(reference.bibtex for reference in self.references)


def references(programs: Iterable[str]) -> tuple[Reference, ...]:
    """Return what to cite where some programs took part: cnmfe, caiman, facemap, pynwb; others are left out."""
    found = [
        _software("workflow_miniscope", "workflow-miniscope", "The workflow-miniscope developers", version=__version__),
        DATAJOINT,
        ELEMENTS,
        WORKFLOWS,
    ]
    for program in sorted(set(programs)):
        found += [item for item in OF_PROGRAM.get(program, ()) if item not in found]
    return (*found, *((NWB, PYNWB) if "pynwb" in programs else ()))


def credit(restrict: Any = None, project: Path | None = None) -> Credit:
    """Say whom to cite for some sessions.

    Parameters
    ----------
    restrict : str, dict, list of them, or None
        Which sessions; None is all.
    project : Path, optional
        The project's file, which names people and publications where the database does not; by default the one that
        :func:`.project.find_project` finds.
    """
    from ..pipeline import facemap, lab, miniscope, session

    told = read_project(find_project(project))

    chosen = restricted(session.Session, restrict)
    people = (lab.User & (session.SessionExperimenter & chosen)).to_dicts(order_by="user")
    projects = lab.Project.proj() & (session.ProjectSession & chosen)
    published = (lab.ProjectPublication & projects).to_arrays("publication", order_by="publication")
    engines = (miniscope.ProcessingParamSet & (miniscope.Processing & chosen)).to_arrays("processing_method")
    programs = [*map(str, engines), *(["facemap"] if facemap.FacemapProcessing & chosen else [])]
    names = [row["user_fullname"] for row in people if row["user_fullname"]]
    return Credit(
        tuple(names or told.experimenter),
        tuple(map(str, published)) or tuple(told.related_publications),
        references(programs),
    )
