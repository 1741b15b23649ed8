"""Addresses of the pages. None carries a protected value: see ``views.search``."""

from django.urls import URLPattern, URLResolver, path
from django.views.i18n import set_language

from banyan.web.middleware import public
from banyan.web.views import (
    agents,
    at_work,
    audit,
    certificate_login,
    certificates,
    dashboard,
    files,
    issuing,
    issuing_files,
    login,
    notices,
    published,
    requests,
    search,
    staff,
    today,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", today.home, name="home"),
    path("desk", today.today, name="today"),
    path("desk/drafts/<str:form>", at_work.draft, name="draft"),
    path("desk/here/<int:request_id>", at_work.here, name="here"),
    path("desk/issue", issuing.listing, name="issuing"),
    path("desk/issue/<int:request_id>", issuing.detail, name="issuing_request"),
    path("desk/issue/<int:request_id>/token", issuing.look, name="issuing_token"),
    path("desk/issue/<int:request_id>/receive", issuing.receive, name="issuing_receive"),
    path("desk/issue/<int:request_id>/begin", issuing.begin, name="issuing_begin"),
    path("desk/issue/<int:request_id>/order", issuing.order, name="issuing_order"),
    path("desk/issue/<int:request_id>/state", issuing.state, name="issuing_state"),
    path("desk/issue/<int:request_id>/written", issuing.written, name="issuing_written"),
    path("desk/issue/<int:request_id>/file", issuing_files.take_request, name="issuing_file"),
    path("desk/issue/<int:request_id>/files.zip", issuing_files.files, name="issuing_files"),
    path("desk/issue/<int:request_id>/proof", issuing_files.take_proof, name="issuing_files_given"),
    path("desk/issue/<int:request_id>/void", issuing.void, name="issuing_void"),
    path("desk/files", files.listing, name="files"),
    path("desk/files/person/<int:pk>", files.detail, {"kind": "person"}, name="files_person"),
    path("desk/files/organization/<int:pk>", files.detail, {"kind": "organization"}, name="files_organization"),
    path("desk/files/device/<int:pk>", files.detail, {"kind": "device"}, name="files_device"),
    path("desk/files/person/<int:pk>/numbers", files.reveal, name="files_reveal"),
    path("agents", agents.listing, name="agents"),
    path("agents/<str:key_id>/end", agents.end, name="agent_end"),
    path("notices", notices.listing, name="notices"),
    path("stops", notices.stops, name="stops"),
    path("stops/<int:stop_id>/call-off", notices.call_off, name="stop_call_off"),
    path("services", notices.standing, name="services"),
    path("overview", dashboard.dashboard, name="dashboard"),
    path("figures", dashboard.figures, name="figures"),
    path("certificates", certificates.listing, name="certificates"),
    path("certificates/<int:pair_id>", certificates.detail, name="certificate"),
    path("certificates/<int:pair_id>/<str:use>.pem", certificates.export, name="certificate_export"),
    path("requests", requests.listing, name="requests"),
    path("requests/<int:request_id>", requests.detail, name="request"),
    path("search", search.search, name="search"),
    path("search/<str:sealed>", search.results, name="search_results"),
    path("staff", staff.listing, name="staff"),
    path("audit", audit.listing, name="audit"),
    path("audit/<int:number>", audit.detail, name="audit_record"),
    path("crl/<str:code>.crl", published.published, {"kind": "crl"}, name="published_crl"),
    path("ca/<str:code>.cer", published.published, {"kind": "cer"}, name="published_authority"),
    path("login", login.login, name="login"),
    path("login/challenge", certificate_login.challenge, name="login_challenge"),
    path("login/certificate", certificate_login.answer, name="login_certificate"),
    path("logout", login.logout, name="logout"),
    path("first", login.first_password, name="first_password"),
    path("first/<str:secret>", login.first_login, name="first_login"),
    path("language", public(set_language), name="set_language"),
]

handler400 = "banyan.web.errors.bad_request"
handler403 = "banyan.web.errors.forbidden"
handler404 = "banyan.web.errors.not_found"
handler500 = "banyan.web.errors.failed"
