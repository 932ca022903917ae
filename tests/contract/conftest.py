"""Every test of the contract runs once for each port, on a jig of its own."""

import pytest

from tests.contract.asking import JIGS


@pytest.fixture(params=JIGS, ids=lambda jig: jig.name)
def jig(request):
    return request.param()


@pytest.fixture
def hal(jig):
    return jig.hal
