"""Ten thousand drives on one machine, with stand-ins for the models: what the control plane costs and needs."""
