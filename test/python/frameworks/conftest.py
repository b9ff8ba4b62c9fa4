# Part of the bn-mlir project, under the Apache License v2.0 with LLVM
# Exceptions. See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tests of what needs a framework; each says when its own is not installed."""

import os
import pathlib
import sys

import pytest

# The reference is that of the other tests.
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))


@pytest.fixture(scope="session", autouse=True)
def own_compile_cache(tmp_path_factory):
    """What torch.compile has kept may be of an earlier version of our ops, of
    which it knows names and arguments only.
    """
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(
        tmp_path_factory.mktemp("inductor"))
