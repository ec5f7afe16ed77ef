"""Certificates for tests: an authority of their own, a server on localhost, and clients."""

import shutil
import subprocess

import pytest


class Authority:
    """Signs certificates; all files are PEM, keys in PKCS #8 as Java wants them."""

    def __init__(self, directory):
        if shutil.which("openssl") is None:
            pytest.skip("needs openssl")
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.ca = directory / "ca.pem"
        self._ca_key = directory / "ca.key"
        _openssl(
            *(
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=ucid test authority",
            ),
            *("-keyout", self._ca_key, "-out", self.ca),
        )

    def issue(self, name, *hosts):
        """A certificate and its key, as paths; `hosts` are what a server is called by."""
        certificate, key = self._directory / f"{name}.pem", self._directory / f"{name}.key"
        request, names = self._directory / f"{name}.csr", self._directory / f"{name}.ext"
        names.write_text(f"subjectAltName={','.join(hosts) or f'DNS:{name}'}\n")
        new = ("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}")
        _openssl(*new, "-keyout", key, "-out", request)
        _openssl(
            *("x509", "-req", "-in", request, "-days", "2", "-extfile", names),
            *("-CA", self.ca, "-CAkey", self._ca_key, "-CAcreateserial", "-out", certificate),
        )
        return certificate, key


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
