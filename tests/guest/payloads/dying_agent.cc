// SPDX-License-Identifier: Apache-2.0
// An agent that ends at once, which makes the guest's kernel panic.
int main() { return 3; }
