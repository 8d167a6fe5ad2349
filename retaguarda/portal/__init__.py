"""What a robot's author needs, and all that a robot may import of the machinery."""

from retaguarda.model.acts import Draft, Found, Permit, Receipt
from retaguarda.model.secrets import Credential, Secret
from retaguarda.portal.downloads import Download
from retaguarda.portal.manifest import Manifest
from retaguarda.portal.page import PortalPage
from retaguarda.portal.robot import Robot
from retaguarda.portal.session import PortalSite, Session

__all__ = [
    "Credential",
    "Download",
    "Draft",
    "Found",
    "Manifest",
    "Permit",
    "PortalPage",
    "PortalSite",
    "Receipt",
    "Robot",
    "Secret",
    "Session",
]
