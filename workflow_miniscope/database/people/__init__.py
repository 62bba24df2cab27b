"""People on a database server: accounts, and what each role may do in a laboratory's schemas."""

from .base import AccountServer, Statement
from .mysql import MySQLAccounts
from .postgresql import PostgreSQLAccounts
from .rights import ROLES, Lab, Role

__all__ = ["ROLES", "AccountServer", "Lab", "MySQLAccounts", "PostgreSQLAccounts", "Role", "Statement"]
