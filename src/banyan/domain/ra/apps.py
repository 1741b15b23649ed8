"""Django application of the service requests."""

from django.apps import AppConfig


class RaConfig(AppConfig):
    name = "banyan.domain.ra"
    label = "ra"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the offline verifier look at requests too."""
        from banyan.domain.audit import verifying
        from banyan.domain.ra.verifying import changed_requests

        verifying.FURTHER[self.label] = changed_requests
