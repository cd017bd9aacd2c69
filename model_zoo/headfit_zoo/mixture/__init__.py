"""An extractor is trained on a mixture of sets, watched over by a float teacher.

`sources` says which pictures, `packing` puts them into one file a source, `twins` drops those that
an evaluation set holds too, `targets` keeps what the teacher saw of each crop, `training` trains,
`judging` tells by transfer what came of it. docs/extractor-training.md leads through them.
"""
