"""Keys and tokens of an issuer, made with the openssl program.

    key = Rsa('name')
    text = token(key, {'iss': ...})
    document = jwks(key, Ec('other'))
"""

import base64
import hashlib
import hmac
import json
import subprocess
import tempfile


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def openssl(*args, data=None):
    return subprocess.run(['openssl'] + list(args), input=data, check=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


class Key:
    def __init__(self, kid, *options):
        self.kid = kid
        self.pem = openssl('genpkey', *options)
        self.public = openssl('pkey', '-pubout', data=self.pem)

    def digest(self, data):
        """The signature of data with SHA-256, as openssl makes it."""
        with tempfile.NamedTemporaryFile() as f:
            f.write(self.pem)
            f.flush()
            return openssl('dgst', '-sha256', '-sign', f.name, data=data)


class Rsa(Key):
    alg = 'RS256'

    def __init__(self, kid):
        super().__init__(kid, '-algorithm', 'RSA', '-pkeyopt',
                         'rsa_keygen_bits:2048')

    def jwk(self):
        text = openssl('rsa', '-noout', '-modulus', data=self.pem).decode()
        n = bytes.fromhex(text.strip().split('=')[1])
        return {'kty': 'RSA', 'n': b64(n), 'e': 'AQAB'}

    def sign(self, data):
        return self.digest(data)


class Ec(Key):
    alg = 'ES256'

    def __init__(self, kid):
        super().__init__(kid, '-algorithm', 'EC', '-pkeyopt',
                         'ec_paramgen_curve:P-256')

    def jwk(self):
        der = openssl('pkey', '-pubout', '-outform', 'DER', data=self.pem)
        return {'kty': 'EC', 'crv': 'P-256', 'x': b64(der[-64:-32]),
                'y': b64(der[-32:])}

    def sign(self, data):
        """r and s, which are two INTEGERs in a SEQUENCE."""
        der, out, at = self.digest(data), b'', 2
        for _ in range(2):
            n = der[at + 1]
            number = int.from_bytes(der[at + 2:at + 2 + n], 'big')
            out += number.to_bytes(32, 'big')
            at += 2 + n
        return out


def jwks(*keys):
    return json.dumps({'keys': [
        dict(k.jwk(), kid=k.kid, use='sig', alg=k.alg) for k in keys]})


def signed(header, claims):
    return '%s.%s' % (b64(json.dumps(header).encode()),
                      b64(json.dumps(claims).encode()))


def token(key, claims, **header):
    """header: members that differ; None: without it."""
    header = dict({'alg': key.alg, 'kid': key.kid, 'typ': 'JWT'}, **header)
    text = signed({k: v for k, v in header.items() if v is not None}, claims)
    return '%s.%s' % (text, b64(key.sign(text.encode())))


def hmac256(key, claims):
    """What a verifier takes that uses any key with any algorithm."""
    text = signed({'alg': 'HS256', 'kid': key.kid}, claims)
    return '%s.%s' % (text, b64(hmac.new(key.public, text.encode(),
                                         hashlib.sha256).digest()))
