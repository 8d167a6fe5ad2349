"""The sandbox's CCEE: "Portal de Operações" with CliqCCEE, as awkward as a real one."""
