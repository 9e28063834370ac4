"""The hosts that the unit tests hold endpoint.cc to are those of botocore's endpoint rules.

Run as a program, this prints the table anew:
    .cache/python/bin/python tests/interop/test_endpoints.py > src/aws/testdata/endpoints.tsv
"""

import itertools
import pathlib

from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.loaders import create_loader

TABLE = pathlib.Path(__file__).parents[2] / "src/aws/testdata/endpoints.tsv"
# Our name of the service, and the directory of botocore's data.
SERVICES = {
    "s3": "s3",
    "bedrock": "bedrock",
    "bedrock-runtime": "bedrock-runtime",
    "sts": "sts",
    "servicequotas": "service-quotas",
    "portal.sso": "sso",
    "oidc": "sso-oidc",
}
HEADER = "# service, region, host: as it is, dual-stack, FIPS, both; - where AWS has none (tests/interop/test_endpoints.py)"


def host(provider, region, fips, dual_stack):
    try:
        endpoint = provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual_stack)
    except EndpointProviderError:
        return "-"
    return endpoint.url.removeprefix("https://")


def rows():
    loader = create_loader()
    partitions = loader.load_data("partitions")
    regions = [
        region
        for partition in partitions["partitions"]
        for region in partition["regions"]
        if not region.endswith("-global")
    ]
    for service, directory in SERVICES.items():
        rules = loader.load_service_model(directory, "endpoint-rule-set-1")
        provider = EndpointProvider(rules, partitions)
        for region in regions:
            variants = itertools.product([False, True], repeat=2)
            hosts = [host(provider, region, fips, dual) for fips, dual in variants]
            yield "\t".join([service, region, *hosts])


def test_the_table_is_what_botocore_resolves():
    written = TABLE.read_text().splitlines()[1:]
    # A newer botocore knows more regions; what we wrote down must still be so.
    now = set(rows())
    assert len(written) > 200
    assert [row for row in written if row not in now] == []


if __name__ == "__main__":
    print(HEADER, *rows(), sep="\n")
