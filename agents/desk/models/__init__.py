"""The service desk's tables. One subject a file."""

from agents.desk.models.customer import AccountDeletion, Credit, Customer, Order, Refund
from agents.desk.models.paper import CustomerExport, Report
from agents.desk.models.service import Restart, Service
from agents.desk.models.support import SupportTicket

__all__ = [
    "AccountDeletion",
    "Credit",
    "Customer",
    "CustomerExport",
    "Order",
    "Refund",
    "Report",
    "Restart",
    "Service",
    "SupportTicket",
]
