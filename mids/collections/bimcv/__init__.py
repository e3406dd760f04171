"""The collections of BIMCV (Medical Imaging Databank of the Valencia Region), and what their readers share."""
