# SPDX-License-Identifier: Apache-2.0
"""What scripts/bench measures, a module for each group of sections."""
