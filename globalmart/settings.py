"""Settings, all of them, read from the environment.

A missing or malformed value stops the start with a sentence that names the variable and the fix.
`GM_ENV` is `production` (the default), `demo` or `test`; only `test` has defaults for secrets.
"""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def read(kind: str, name: str, fix: str, default: Any = environ.Env.NOTSET) -> Any:
    """Read one variable of the environment, or stop with a sentence that names it and the fix."""
    try:
        return getattr(env, kind)(name, default=default)
    except (ImproperlyConfigured, ValueError, KeyError) as error:
        state = "malformed" if name in env.ENVIRON else "missing"
        message = f"The setting {name} is {state}: {fix}"
        raise ImproperlyConfigured(message) from error


def origin(url: str) -> str:
    """Return scheme://host[:port] of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


ENVIRONMENT = read("str", "GM_ENV", "use production, demo or test.", "production")
if ENVIRONMENT not in {"production", "demo", "test"}:
    raise ImproperlyConfigured("The setting GM_ENV is malformed: use production, demo or test.")
IS_TEST = ENVIRONMENT == "test"


def secret(name: str, fix: str, test_default: str) -> str:
    """Read a secret; only the test environment has a default."""
    value: str = read("str", name, fix, test_default if IS_TEST else environ.Env.NOTSET)
    if not value:
        raise ImproperlyConfigured(f"The setting {name} is missing: {fix}")
    return value


def address(name: str, fix: str, default: Any = environ.Env.NOTSET) -> str:
    """Read an http(s) address."""
    value: str = read("str", name, fix, default)
    if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).netloc:
        raise ImproperlyConfigured(f"The setting {name} is malformed: {fix}")
    return value


# --- the site -----------------------------------------------------------------------------------
SECRET_KEY = secret("SECRET_KEY", "set 50 or more random characters.", "test-" + "k" * 60)
LINK_KEY = secret("LINK_KEY", "set 32 or more random characters; it signs order links.", "l" * 40)
BASE_URL = address(
    "BASE_URL",
    "set the shop's public address, as https://shop.example.com",
    "http://127.0.0.1:8000" if IS_TEST else environ.Env.NOTSET,
).rstrip("/")
ALLOWED_HOSTS: list[str] = read(
    "list", "ALLOWED_HOSTS", "set host names separated by commas.", [urlsplit(BASE_URL).hostname]
)
IS_SECURE = BASE_URL.startswith("https://")
DEBUG = False
ROOT_URLCONF = "globalmart.urls"
WSGI_APPLICATION = "globalmart.wsgi.application"
# The whole choreography, event -> consumers, on one screen.
WIRING = "globalmart.wiring"
CSRF_TRUSTED_ORIGINS = [origin(BASE_URL)]

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_rq",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "anymail",
    "csp",
    "globalmart.core",
    "payments",
    "fulfillment",
    "orders",
    "notifications",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "globalmart.core.requests.CorrelationMiddleware",
    "globalmart.core.middleware.PageSession",
    "globalmart.core.middleware.PageLocale",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "globalmart.core.middleware.PageAuthentication",
    "globalmart.core.middleware.PageMessages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "globalmart.core.middleware.PageHtmx",
    "globalmart.core.middleware.PageContentPolicy",
    "globalmart.core.security.NulMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- PostgreSQL and Redis -----------------------------------------------------------------------
DATABASE_FIX = "set postgres://user:password@host:5432/name"
DATABASES = {"default": read("db_url", "DATABASE_URL", DATABASE_FIX)}
if "postgresql" not in DATABASES["default"].get("ENGINE", ""):
    raise ImproperlyConfigured(f"The setting DATABASE_URL is malformed: {DATABASE_FIX}")
# A socket folder arrives as ?host=..., which django-environ leaves among the options.
if "host" in DATABASES["default"].get("OPTIONS", {}):
    DATABASES["default"]["HOST"] = DATABASES["default"]["OPTIONS"].pop("host")
DATABASES["default"]["ENGINE"] = "globalmart.core.postgresql"
DATABASES["default"]["CONN_MAX_AGE"] = 600
# What is asked often is planned once a connection. A pooler that shares connections between
# transactions has to know of prepared statements: PgBouncer does from 1.21 on, if told to.
PREPARES = read("bool", "DATABASE_PREPARES", "set false behind a pooler that cannot.", True)
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {"server_side_binding": True, "prepare_threshold": 3} if PREPARES else {}
)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["ATOMIC_REQUESTS"] = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL: str = read("str", "REDIS_URL", "set redis://host:6379/0 or unix:///path/to/socket")
if urlsplit(REDIS_URL).scheme not in {"redis", "rediss", "unix"}:
    raise ImproperlyConfigured(
        "The setting REDIS_URL is malformed: set redis://host:6379/0 or unix:///path/to/socket"
    )
# One queue per worker process: only then does RQ move a job atomically (BLMOVE).
QUEUES = ("payments", "fulfillment", "notifications", "webhooks", "default")
RQ_QUEUES = {
    name: {
        "URL": REDIS_URL,
        "DEFAULT_TIMEOUT": 180,
        "SERIALIZER": "rq.serializers.JSONSerializer",
        "REDIS_CLIENT_KWARGS": {"socket_connect_timeout": 1},
    }
    for name in QUEUES
}
RQ = {"COMMIT_MODE": "auto"}

# The web process's own size, as the Procfile starts it: what one process may do follows from it.
WEB_WORKERS = read("int", "WEB_WORKERS", "set how many web processes there are.", 2)
WEB_THREADS = read("int", "WEB_THREADS", "set how many threads each has.", 8)

# --- who we talk to -----------------------------------------------------------------------------
STRIPE_SECRET_KEY = secret("STRIPE_SECRET_KEY", "copy it from Stripe's dashboard.", "sk_test_x")
STRIPE_PUBLISHABLE_KEY = secret(
    "STRIPE_PUBLISHABLE_KEY", "copy it from Stripe's dashboard.", "pk_test_x"
)
STRIPE_WEBHOOK_SECRET = secret(
    "STRIPE_WEBHOOK_SECRET", "copy it from the webhook endpoint in Stripe's dashboard.", "whsec_x"
)
STRIPE_API_BASE = address("STRIPE_API_BASE", "set an address.", "https://api.stripe.com")
STRIPE_JS_URL = address(
    "STRIPE_JS_URL", "set the address of Stripe.js.", "https://js.stripe.com/clover/stripe.js"
)
STRIPE_TIMEOUT_SECONDS = 10
# All that a page asks of Stripe together: the page itself is to be there within eight seconds.
STRIPE_PAGE_SECONDS = 7
STRIPE_RATE_LIMIT = read(
    "float", "STRIPE_RATE_LIMIT", "set calls per second and endpoint, 0 for no limit.", 25.0
)
STRIPE_WORKERS = read("int", "STRIPE_WORKERS", "set how many workers the payments queue has.", 1)
IS_LIVE = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))

WMS_URL = address(
    "WMS_URL",
    "set the warehouse's SOAP address.",
    "http://127.0.0.1:9/" if IS_TEST else environ.Env.NOTSET,
)
WMS_USERNAME = secret("WMS_USERNAME", "ask the warehouse.", "oms")
WMS_PASSWORD = secret("WMS_PASSWORD", "ask the warehouse.", "wms")
WMS_RATE_PER_SECOND = read(
    "float", "WMS_RATE_PER_SECOND", "set calls per second, 0 for no limit.", 20.0
)
WMS_WORKERS = read("int", "WMS_WORKERS", "set how many workers the fulfillment queue has.", 1)
WMS_POLL_SECONDS = read("float", "WMS_POLL_SECONDS", "set seconds, as 1.5", 1.0)
WMS_REREAD_SECONDS = read("float", "WMS_REREAD_SECONDS", "set seconds, 0 for never.", 30.0)
WMS_OVERLAP_SECONDS = read("float", "WMS_OVERLAP_SECONDS", "set seconds.", 120.0)
WMS_COUNT_HOURS = read("float", "WMS_COUNT_HOURS", "set hours, 0 for never.", 24.0)
WMS_STOCK_SECONDS = read("float", "WMS_STOCK_SECONDS", "set seconds, 0 for never.", 60.0)
WMS_DOWN_MINUTES = read("float", "WMS_DOWN_MINUTES", "set minutes.", 5.0)
# Of the warehouse's pushes; without it the hook does not exist.
WMS_PUSH_SECRET = read("str", "WMS_PUSH_SECRET", "set 32 or more random characters.", "")
WMS_MOST_TRIES = read("int", "WMS_MOST_TRIES", "set a whole number, as 30.", 30)

EMAIL_BACKEND = "anymail.backends.sendgrid.EmailBackend"
DEFAULT_FROM_EMAIL = read(
    "str", "DEFAULT_FROM_EMAIL", "set an address.", "GlobalMart <orders@globalmart.example>"
)
EMAIL_TIMEOUT_SECONDS = 10
ANYMAIL = {
    "SENDGRID_API_KEY": secret("SENDGRID_API_KEY", "copy it from SendGrid.", "SG.x"),
    "SENDGRID_API_URL": address(
        "SENDGRID_API_URL", "set an address.", "https://api.sendgrid.com/v3/"
    ),
    "REQUESTS_TIMEOUT": EMAIL_TIMEOUT_SECONDS,
}
# SendGrid through anymail is decided: any other provider is a change of EMAIL_BACKEND.
SILENCED_SYSTEM_CHECKS = ["anymail.W003"]
TWILIO_ACCOUNT_SID = secret("TWILIO_ACCOUNT_SID", "copy it from Twilio.", "AC" + "0" * 32)
TWILIO_AUTH_TOKEN = secret("TWILIO_AUTH_TOKEN", "copy it from Twilio.", "token")
TWILIO_API_BASE = address("TWILIO_API_BASE", "set an address.", "https://api.twilio.com")
TWILIO_FROM = secret("TWILIO_FROM", "set the sender's number, as +441134960000.", "+441134960000")

# --- rules of the shop --------------------------------------------------------------------------
SHOP_CURRENCY = read("str", "SHOP_CURRENCY", "set a three-letter code, as GBP.", "GBP")
SHOP_COUNTRY = read("str", "SHOP_COUNTRY", "set a two-letter code, as GB.", "GB")
PAYMENT_DEADLINE_MINUTES = read("int", "PAYMENT_DEADLINE_MINUTES", "set whole minutes.", 30)
PAY_LINK_HOURS = read("int", "PAY_LINK_HOURS", "set whole hours.", 48)
# A font file for what documents print beside Latin, Greek and Cyrillic.
DOCUMENT_FONT = read("str", "DOCUMENT_FONT", "name a .ttf, .otf or .ttc file.", "")
PAYMENT_COOL_DOWN_MINUTES = read("int", "PAYMENT_COOL_DOWN_MINUTES", "set whole minutes.", 10)
CAPTURE_AT = read("str", "CAPTURE_AT", "set `shipment` or `acceptance`.", "shipment")
if CAPTURE_AT not in {"shipment", "acceptance"}:
    raise ImproperlyConfigured("The setting CAPTURE_AT is malformed: use shipment or acceptance.")
REFUND_SECOND_PERSON_ABOVE_MINOR = read(
    "int", "REFUND_SECOND_PERSON_ABOVE_MINOR", "set whole minor units.", 20_000
)
SHOP_TIME_ZONE = read("str", "SHOP_TIME_ZONE", "set a zone as Europe/London.", "Europe/London")
RETURN_WINDOW_DAYS = read("int", "RETURN_WINDOW_DAYS", "set whole days.", 30)
RETURN_AUTO_APPROVE = read("bool", "RETURN_AUTO_APPROVE", "set `true` or `false`.", True)
RETURN_GOODS_DAYS = read("int", "RETURN_GOODS_DAYS", "set whole days.", 30)
RETURN_ADDRESS = read(
    "str",
    "RETURN_ADDRESS",
    "write the lines of the address with `;` between them.",
    "GlobalMart Returns;12 Dock Road;London E16 1AH;United Kingdom",
)
WITHDRAWAL_DAYS = read("int", "WITHDRAWAL_DAYS", "set whole days.", 14)
IDEMPOTENCY_KEY_DAYS = 7
LOOKUP_TRIES = read("int", "LOOKUP_TRIES", "set a whole number.", 10)
LOOKUP_MINUTES = read("int", "LOOKUP_MINUTES", "set whole minutes.", 15)
# A folder with the sandbox's books: when set, the audit compares them with ours.
AUDIT_BOOKS = read("str", "AUDIT_BOOKS", "set a folder or leave it out.", "")
# A folder in which orders to crash may stand (globalmart.core.failpoints).
FAILPOINTS = read("str", "GM_FAILPOINTS", "leave it out.", "")
if FAILPOINTS and (ENVIRONMENT == "production" or IS_LIVE):
    raise ImproperlyConfigured(
        "The setting GM_FAILPOINTS is set: leave it out. It lets a test end this process at any "
        "moment, and is refused with GM_ENV=production and beside a live STRIPE_SECRET_KEY."
    )

# --- pages --------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
# The pages have one language: a browser that asks for another gets no half-translated page.
LANGUAGES = [("en-gb", "English")]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT: Path | None = Path(
    read("str", "STATIC_ROOT", "set a folder.", str(BASE_DIR / "var" / "static"))
)
if IS_TEST:
    STATIC_ROOT = None  # tests serve the sources (WHITENOISE_USE_FINDERS); nothing is collected
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        # Hashed names are cached for ever; brotli and gzip at build time cost minutes.
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if IS_TEST
        else "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
    },
}
WHITENOISE_USE_FINDERS = IS_TEST
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

# --- security -----------------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_REDIRECT_URL = "/admin/"  # only staff have accounts
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_SECURE
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 31_536_000 if IS_SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_SECURE
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_SECURE else None
# Nobody but a proxy can have taken https off: without this, all customers would have its address.
PROXIES = read("int", "PROXIES", "set how many proxies stand in front.", 1 if IS_SECURE else 0)
if PROXIES < 0:
    raise ImproperlyConfigured("The setting PROXIES is malformed: set 0 or more.")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}
STRIPE_JS_ORIGIN = origin(STRIPE_JS_URL)
# What the pay page alone may load; the hosts follow the settings, so the sandbox needs no branch.
PAY_PAGE_POLICY = {
    "script-src": [STRIPE_JS_ORIGIN],
    "frame-src": [STRIPE_JS_ORIGIN],
    "connect-src": [origin(STRIPE_API_BASE)],
}
if STRIPE_JS_ORIGIN == "https://js.stripe.com":
    # What Stripe's own guide to a content security policy lists, with test keys as with live ones.
    PAY_PAGE_POLICY["script-src"].append("https://*.js.stripe.com")
    PAY_PAGE_POLICY["frame-src"] += ["https://*.js.stripe.com", "https://hooks.stripe.com"]

# --- API ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["globalmart.core.access.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["globalmart.core.access.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "globalmart.core.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "LIST_SERIALIZER_ERRORS_AS_DICT": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "GlobalMart OMS API",
    "DESCRIPTION": "Place orders safely, follow them, read the catalogue.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVERS": [{"url": BASE_URL}],
    # The validator's badge would call a server of Swagger's makers.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None, "filter": False},
    "POSTPROCESSING_HOOKS": ["globalmart.core.schema.finish"],
}
UNFOLD = {
    "SITE_TITLE": "GlobalMart OMS",
    "SITE_HEADER": "GlobalMart OMS",
    "SITE_SYMBOL": "shopping_bag",
    "ENVIRONMENT": "globalmart.staff.environment",
    "STYLES": [lambda request: static("core/staff.css")],
    "SIDEBAR": {"show_search": True, "navigation": "globalmart.staff.sidebar"},
}

# --- logs ---------------------------------------------------------------------------------------
LOG_LEVEL = read("str", "GM_LOG_LEVEL", "use INFO or WARNING.", "INFO")
if LOG_LEVEL not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
    raise ImproperlyConfigured(
        "The setting GM_LOG_LEVEL is malformed: use DEBUG, INFO, WARNING or ERROR."
    )
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"correlation": {"()": "globalmart.core.requests.CorrelationFilter"}},
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s [%(correlation_id)s] %(message)s"}
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "stream": sys.stderr,
            "formatter": "line",
            "filters": ["correlation"],
        }
    },
    "root": {
        "handlers": ["stderr"],
        "level": LOG_LEVEL,
    },
    "loggers": {
        # Whole envelopes and request bodies carry personal data: these never log below WARNING.
        "zeep": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},
        "twilio": {"level": "WARNING"},
        # It tells of every glyph that it leaves out of a document.
        "fontTools": {"level": "WARNING"},
        "urllib3": {"level": "ERROR"},
        "rq.worker": {"level": "WARNING"},
    },
}
