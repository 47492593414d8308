"""How the services say no: four shapes of an error, and one page of HTML."""

from __future__ import annotations

from exporters.simulator import Answer

SIGN_IN_PAGE = b"<html><head><title>401 Authorization Required</title></head><body>401</body></html>"


def refused(path: str, status: int, message: str, code: str = "BadRequestError") -> Answer:
    """An error as the service below that path writes it."""
    if path.startswith("/api/2/"):
        error = {"code": code, "message": message, "domain": "PlatformAccounts", "context": {}, "details": {}}
        return Answer(status=status, body={"error": error})
    if path.startswith("/api/agent_manager/"):
        return Answer(status=status, body={"domain": "AgentManager", "code": code, "debug": {"msg": message}})
    if path.startswith(("/api/resource_management/", "/api/policy_management/")):
        return Answer(status=status, body={"domain": "General", "code": code, "message": message, "context": {}})
    domain = "TaskManager" if path.startswith("/api/task_manager/") else "VaultManager"
    return Answer(status=status, body={"domain": domain, "code": code, "reason": code, "debug": {"msg": message}})


def refused_sign_in(error: str, description: str, status: int) -> Answer:
    body = {"domain": "PlatformAccounts", "reason": "AccessDenied", "error": error, "error_description": description}
    return Answer(status=status, body=body)


def unauthorised(path: str) -> Answer:
    """A token that is none, or no longer. The alert manager's gateway answers with a page of its own."""
    if path.startswith("/api/alert_manager/"):
        return Answer(status=401, body=SIGN_IN_PAGE, content_type="text/html")
    return refused(path, 401, "A valid access token is needed.", "AuthenticationError")


def forbidden(path: str) -> Answer:
    """The client's rights do not reach there."""
    if path.startswith(("/api/resource_management/", "/api/policy_management/")):
        context = {"scope": [], "required_scope": ["urn:acronis.com::resource_management::read"]}
        body = {"domain": "Access", "code": "AccessDeniedError", "message": "Access is denied.", "context": context}
        return Answer(status=403, body=body)
    return refused(path, 403, "Access is denied.", "AccessDeniedError")


def not_found(path: str) -> Answer:
    return refused(path, 404, "There is no such resource.", "NotFoundError")
