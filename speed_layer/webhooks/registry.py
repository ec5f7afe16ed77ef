"""The services that there are, by the name that webhooks.yaml gives them."""

from collections.abc import Mapping
from typing import Final

from speed_layer.webhooks.generic import Generic
from speed_layer.webhooks.mailgun import Mailgun
from speed_layer.webhooks.mandrill import Mandrill
from speed_layer.webhooks.postmark import Postmark
from speed_layer.webhooks.sendgrid import SendGrid
from speed_layer.webhooks.service import Service
from speed_layer.webhooks.ses import Ses

SERVICES: Final[Mapping[str, type[Service]]] = {
    "sendgrid": SendGrid,
    "mailgun": Mailgun,
    "postmark": Postmark,
    "ses": Ses,
    "mandrill": Mandrill,
    "generic": Generic,
}
