/*
 * Keys and tokens for the tests of JSON web tokens, one for each algorithm;
 * made with Python's cryptography.
 */

#ifndef _UNIT_JWT_H_INCLUDED_
#define _UNIT_JWT_H_INCLUDED_


#include "faas_base64.h"


static const char  jwk_rsa[] =
    "{\"kty\":\"RSA\",\"n\":\"tekKjVBtEbSx4IfoAJIk34A00gwk62kEHqPdyEMtpxlCcN0"
    "Bsg2A88-xRYKAtKhMUx0MphftSE49fkXoieXRz06Qge-noXoX2CaEmGLMtFqs6ouBZwUKyCB"
    "f-U0aC6RprmUZ-moj8Y0X1K8Nf8Z7_qwF6UKZ9RTZ0YApMgPmtpt6yGSMUZcu3zzx0BBSSai"
    "sDJMa3bikXrugJRo5n2m6dPeNGLcaDBTkyAEAqy-147zOSn0xVhdNvsVDXqvKh_e5O5_wIz9"
    "axG-4bUx-PRx5K0HFchf2i6Cw26JJHK45tyDcmSROy8jKNMuHQoBrwRP6PCoIPD1vee_q4j_"
    "0jVE_bQ\",\"e\":\"AQAB\",\"kid\":\"r\"}";

static const char  jwk_es256[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"87QpmnjhIqZK_1cmFZPlny-r8SADcj"
    "3ddbZCxcRh8Lg\",\"y\":\"kE0YPTlBBf2wbCIE4pWrI3O7jHZLM0YHIxKuNal9vH4\",\""
    "kid\":\"e2\",\"alg\":\"ES256\",\"use\":\"sig\"}";

static const char  jwk_es384[] =
    "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"ybRo5UHCW1KshemnsoJYvZQIIuACIC"
    "fgFjZnD6qyIz1m_SM2NTo268pNmnWYQUPi\",\"y\":\"O6DtIpvpqCN_X7aw5DhYId3ymg5"
    "ewK9lQ1MNQ1CQlXiuAlBBm8B91B3I_Q1rVuKb\",\"kid\":\"e3\",\"key_ops\":[\"ve"
    "rify\"]}";

static const char  jwk_es512[] =
    "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AcJx6SxZhizA2O556v36jeO4yxeI5e"
    "8ESbx9IxEWeeWB31nmqlvPPixL3c1fZoPKYNHzQCS0iwxpzSQhLK8wT3sP\",\"y\":\"ACc"
    "bzYZRENvEwoVuDnnTLCNgyNPbiZVUEwUPOvoJT46tLS4SDsrsQTarwuae1qkzxRmVJUlzYpS"
    "zXPvbw7WkgtPH\",\"kid\":\"e5\"}";

static const char  jwk_ed448[] =
    "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"X989aMOoajlVTACzlaiRj1xfW04nC"
    "5PFlB4dRl1fJKI6Aa7vR4aOygjkqLXPyBTtKJv2nja_Z0QA\",\"kid\":\"d4\"}";

static const char  jwk_ed25519[] =
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"A6EHv_POEL4dcN0Y50vAmWfk1jC"
    "bpQ1fHdyGZBJVMbg\",\"kid\":\"d\"}";

static const char  jwk_weak[] =
    "{\"kty\":\"RSA\",\"n\":\"unWqBVfVDQnO2G8uMvcbXp9gNe-1EhpBDtSjjem50RmtXL3"
    "yAbQYFy4eupfryfb6rjSi4xxe1-egoFFFz6fke6Z2Na_dBu9HUrkTk4kr4ASnmqF7P4WOAFV"
    "-fa6SV__aB5VrCMJHOxg6CFYhwFpYl0xwAgo0-qpbXvhgwxgegr8\",\"e\":\"AQAB\",\""
    "kid\":\"weak\"}";

static const char  token_rs256[] =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtc"
    "GxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.goMM-ToNAiSmIPxIknyEWmZ_M1"
    "UOPTpuJcJU2TlBGsHAj9OrZvC7ub9c4PgSBusdZwlZa06_ZNZ8UnW8yeZgZ-shHzJzeUK2GT"
    "z8_IHFIjz4F3M9boid0Avbu6lPY4ibVSVEs47KATCHs0eDHmRqRCRtXpdKhFu9W4k7y7vsx4"
    "9u8YcOMzDuJjq74jOOxpsHqxoAF0aAhxF6B7CfcPZuTvJt1RAw76HVxy8l1B5YVVv06pd6An"
    "Qf9GMRoPRFca-BvoLC1P4fyivTPpMXmQc_MfdplEtuab8218hlxezIgYK31zIFMW-qpOsUcO"
    "RF4JWam3mLV3Zy2n0sP7QAcsbV_g";

static const char  token_rs384[] =
    "eyJhbGciOiJSUzM4NCIsImtpZCI6InIifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtc"
    "GxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.HqExC9G6sHVUl6XUAVlx_wGpZ7"
    "H4_kDj2CwY1S_bw3zLxK5mBV2pEJ60D2d0VmnZUwES6JtrZgUUj5x9W6U8uRkP6fnfKXTJPk"
    "hml8yJzLRQt07GdMc8-BQipUFT4fYB0bS598g3jS2FqL8jzxLjQFGBPTOlKrFypKlnfMXyLk"
    "LSc2Fl8PHs6k2gD2q1WIevbOlSb9I01TOE-IHUu3sYWzmd-50t4-bQ4ubGrD5FEB_9t5qlVt"
    "Oc0kPECumaLuiYgbD9qARJeKb3bXmoKrdW5XXIPXDV7o_e6F6uGcVwpK3lWHPMdjQqC7rZlk"
    "7EFbPr1hkTs-IgzTXJLaDeBd47Bg";

static const char  token_rs512[] =
    "eyJhbGciOiJSUzUxMiIsImtpZCI6InIifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtc"
    "GxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.izdOI2c9TwTtaHLIWNTdDAQVWB"
    "S1q1g0_RvDQDFpCNAjS9ywbqSdslABSn3o9w8Mv6SwMGPqO38bumQNxpA5x-IYeK3GK5bWp_"
    "b0L3-yhhzEgK0E9VZu1DH3bYPehHYS0JPG7o0o1M4-1A1Z0HTVyNQaAxjHPtm5h4uL32pmjf"
    "6ZSbWAUR7AWAFxQowFTvza3hS8SrtOdHwC4HvDnhDmrjONI6cp4-8_AhVwdkbxZ7gdiOukW4"
    "7_eDyUm19XEmE9-KmVsT1gB_CIp7AKcgGz2w6XzTL9pryuj2oC0rEIQcelE60TcM3efNq9wM"
    "nTgCGQYZEVrohxDvc7oeBxIe18tQ";

static const char  token_ps256[] =
    "eyJhbGciOiJQUzI1NiIsImtpZCI6InIifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtc"
    "GxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.s7tU-jYoMKXpu4kcO1bIQ4qT0n"
    "VWXH8jnhpXqwhCyBVsOIGbJ0VaLussSOr6RlyAdDY-pbB-jc9ikqyU8fXbCb8iolaBaxI0SE"
    "AEvKm5WG2xgtlNvNac7FHaSiqbBwuue6BCYDIweNfFJ4ZjsA2f2LRfuVftOnFag1-AIuerWf"
    "IsacytGIfx644fV0to2G6gGG4wem1YtTEjhj0ekhZO1yZQIxchzz9cBICA12P1C8F4iQKfIM"
    "JCoU_5lVZsKEwlSLp3UT9O-pugTZXpAwKzE8fE0uYXwAW-idgZHKYOwFG2er6e-z8c6zUm8z"
    "K8dA-yYNDOuE33dBoTkmJa00qISQ";

static const char  token_ps384[] =
    "eyJhbGciOiJQUzM4NCIsImtpZCI6InIifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtc"
    "GxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.nXViOmmvLu1AOwZnzWWJ_nAv-I"
    "IQZjMt6fJ1NiPQpQP4mtOJFAFvn7z3GQLTKqF2i9JvJ5WDLFQTbJuihrZ-oiFrdzAB-0B9ew"
    "DQWI2Azas6_bPQOaJaVnfsh2Y6DvT5jB-4j7iTGDfsBjE4P8ZZbxtEgTs0pRwhUBke7NR80h"
    "yxR3T8HVTuJm8_EziBG0CUunTOJaKr0Gss7SrzOnjRG9dK_jQCOPMn9YuNeXmOUpKCLr-9lO"
    "Wp-1Mll22c7s5voqgQKCRRA2sNR8vbwSlGyGoVwD6DQiHp4LUkENIGj8OtGQgkvg_O6XqxGn"
    "50rcvhCpS9RdEvhx84sGppkIxOhw";

static const char  token_ps512[] =
    "eyJhbGciOiJQUzUxMiIsImtpZCI6InIifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtc"
    "GxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.DL9S2gLTvKKWlushFEBp4qaXMA"
    "WC4Hu1bS4LWxErxE1xKOZ2P0Do7hUHeYSiHdFUiskdgH75hCTyB-PpKF5lLXmPBVOVzdYlKH"
    "8_u-Y9x_aKz2nv1_Ld04HWgCt4EbFV-ZqoBBYsLtz4PACWjarOcLBQurlokFEGO7_rnk8AqT"
    "YseJLNMui1FyyYiDLTd6Ls0OBvK7qe8z-0uh9K7JspaUkKQeFcA8SyXZgf9fA-88bG-gz2uT"
    "UGMW5znJXyD8_mKVM6TqRqYlWOqCmAwFgyXYNXQ6_2Y_xtdI1XoO6YkkUlJ2EZSz_NC9psHS"
    "K86muRCLRJ005KglsL3YF3rixEsw";

static const char  token_es256[] =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6ImUyIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFt"
    "cGxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.tKbcKxaGXERyhv6oAzcvxeYQd"
    "1oYLnLM0HAZMBwnmSLNMMWYPLd_S1hPIWJ70WU1kVnI_63QRvEgSG7ja-Ra8Q";

static const char  token_es384[] =
    "eyJhbGciOiJFUzM4NCIsImtpZCI6ImUzIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFt"
    "cGxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.ZuLZX4oCS8btIByI0qs8Df2Ob"
    "clW_b7IyGBxLdhYSsrEoI8Hy2z_g6JSqEVbwGs0GMPKS7rFhfnPyIqE0qUrKQDIjNPgvilzz"
    "Befbrk2KNCPUH6EdkhJDoMcP04h4Nn2";

static const char  token_es512[] =
    "eyJhbGciOiJFUzUxMiIsImtpZCI6ImU1In0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFt"
    "cGxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.AHnHqthJ6AfqfktLN_VBcF3eD"
    "ThfRHScHX2t_BRHfj1JgMK_MpG7GX2aNUisQ6wFujohtFggglYttK2ODpGfjzbcAF2yymTEg"
    "7JHyiTk0B4KWB4JCECrbANIF4jS5cdp2MpACbC3T4RIAvED8EfV3XnJiybbRRyc4r0_x8KFu"
    "z6Zt8jJ";

static const char  token_eddsa[] =
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImQifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtc"
    "GxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.AumyM6XDOJELMsk8UksxzOaIpo"
    "GiWhYIsuNnFpUBRIqEsvTrHtb08U2BPkvNB-MqRq1_wtMdq1ynFRcFApB_AA";

static const char  token_eddsa_448[] =
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImQ0In0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFt"
    "cGxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.dAU7jNvdYZfx5RqcczB7Q7-Nx"
    "wBejmuiIG3N19qdbYgiJXLcq4VUF-ki_3QYiRMZkHjBCb-Hvd6AGIrTG1n9C35Dh9SkE2t6O"
    "CjsAFoOKgRQX8cyIPkNGmoY52VHuFsxfv1cqo4YcYGD2jI6njz0hyoA";

static const char  token_ps256_salt[] =
    "eyJhbGciOiJQUzI1NiIsImtpZCI6InIifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtc"
    "GxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.ELp7emyH7UpdgmA3p1G1pJSD2K"
    "SSt0fhJDrFrW6hknosemVbGprB4hz3k2CO8AoRPhOkCIhFw4VHNrapH3O3ZPhpt41ybf36lo"
    "eBiXnwq1snRH3wwlumYPtLN34YvTJUBm6wjkcF_hsfNb85ArcgHtfeJLkqtf6Gr6fE0tUD9Q"
    "bm7twuPI0d0CfzPPmtOtLgCORPgE2BA4K4IPkC4wMcHXf-rxSPo3FHpEky7RP7KwtVNOzu_K"
    "NzV6skBXSXjzrY0J80h3_oXB6KEhI7E5JorAkvQCJEVY2Nba_f7vzetVDYe5DsMlOIyJ3_oy"
    "lYS36STrz8J0d0fVqVBsPDV-rkBQ";

static const char  token_weak[] =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6IndlYWsifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5le"
    "GFtcGxlIiwiYXVkIjoiYXBpIiwiZXhwIjoyMDAwMDAwMDAwfQ.T367vmxZOFmfdHxXJShaUF"
    "9gVkSWoGhPO3p_hhjgBZXTbnEz5TLiF7GhcAq0UBeotoRxaCiy0iyVcmfLYC6NXpsQFvzV3I"
    "E5Eu_au5Qynt9wLyu4hJUbN1CLCqJ2ODqTMWRQE5JhLbQhiF9DkjG__GNnIqhyUvNUGaD9jH"
    "d2Lzg";


static inline char *
base64url(char *dst, const void *p, size_t n)
{
    char  *last;

    last = (char *) faas_base64_encode((unsigned char *) dst, p, n);

    while (last > dst && last[-1] == '=') {
        last--;
    }

    for (*last = '\0'; *dst; dst++) {
        *dst = (*dst == '+') ? '-' : (*dst == '/') ? '_' : *dst;
    }

    return last;
}


#endif /* _UNIT_JWT_H_INCLUDED_ */
